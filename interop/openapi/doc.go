// SPDX-License-Identifier: Apache-2.0

// Package openapi holds nothing but tests: that what services say of themselves is right
// in the eyes of others' programs, an implementation of JSON Schema 2020-12 and one of
// OpenAPI 3.1.
package openapi
