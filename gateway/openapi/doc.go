// SPDX-License-Identifier: Apache-2.0

// Package openapi turns descriptions of services into an OpenAPI 3.1 document, and serves
// it with a page to try calls from.
//
//	reflection.Register(s)
//	openapi.Mount(s, "/docs/", openapi.Config{Title: "Shop"})
//
// The document describes the plain form of calls over HTTP: JSON at /{service}/{method},
// problem documents as errors. Mount serves it on the ports of a server. Handler is for
// any other place, given something to ask for descriptions: the reflection service by
// way of a Dispatcher, or whatever knows more servers.
//
// The page is files of this package, without anything from elsewhere. Its
// Content-Security-Policy lets it run no other script, and call nothing but its own host
// and the hosts of Config.Servers. What it shows of a description is text, never HTML.
package openapi
