// SPDX-License-Identifier: Apache-2.0

// Package reflection lets a server say what can be called on it, and how.
//
//	s := server.NewServer()
//	s.RegisterName("Arith", new(Arith), "")
//	reflection.Register(s)
//
// Register adds a service of four methods. Each takes the name of a service, or nothing
// for all of them:
//
//   - Describe returns services with their methods, and the types of arguments and replies
//     as JSON Schema 2020-12; see Service.
//   - List returns the names alone.
//   - GetService and GetServices return Go source text, as the reflection plugin of rpcx
//     does, so that its tools find what they know.
//
// They can be called with raw bytes, JSON, MessagePack and Protocol Buffers, and are
// services like any other: authentication, access lists and limits apply.
//
// A Go client reads Describe into a Description. Package gateway/openapi makes an OpenAPI
// document of services, and a page to try calls from.
//
// Go programs do not carry their comments. To have them in descriptions, embed the source
// with a go:embed directive, and pass it to Register.
package reflection
