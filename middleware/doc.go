// SPDX-License-Identifier: Apache-2.0

// Package middleware holds the rules that most services want around their calls, one
// to a file: each can be read without the others, and copied to be changed.
//
//	s := server.NewServer(
//		server.WithObserver(middleware.AccessLog(middleware.AccessLogConfig{})),
//		server.WithAuth(middleware.Auth(middleware.AuthConfig{})),
//		server.WithInterceptor(
//			middleware.RateLimit(middleware.RateLimitConfig{}),
//			middleware.Timeout(middleware.TimeoutConfig{}),
//		))
//
// Most are an rpcx.Interceptor, for a server or a client. Auth is what a server asks
// before it decodes anything; AccessLog is an rpcx.Observer, which is told of calls
// that others refuse as well. The zero configuration of each is useful, and its
// comment says what it comes to. A configuration is read once, when the rule is made.
//
// What a rule refuses ends with a code, with the promise that the call did not run
// and, where it helps to wait, with how long to: observers are told of it as of any
// other outcome. Rules that act log it too, to slog.Default() unless told otherwise,
// at most one line a second for each rule.
//
// Where methods are named in a configuration, "Service.Method" is one, "Service.*" is
// all others of a service and "*" is all others. "Service" is short for "Service.*",
// where the service has no dot in its name.
package middleware
