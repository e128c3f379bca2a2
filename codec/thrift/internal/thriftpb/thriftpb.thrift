// SPDX-License-Identifier: Apache-2.0

// The structs of the golden payloads, and a recursive one. The Go code beside this
// file was made by go generate, with thrift 0.17.0.

namespace go thriftpb

struct TArgs {
  1: i32 a
  2: i32 b
}

struct TReply {
  1: i32 c
}

struct TInner {
  1: string name
  2: double score
}

struct TAll {
  1: bool ok
  2: i8 b8
  3: i16 i16v
  4: i32 i32v
  5: i64 i64v
  6: double db
  7: string s
  8: binary bin
  9: list<i32> nums
  10: list<string> strs
  11: set<i32> uniq
  12: map<string, i32> m
  13: TInner inner
  14: list<TInner> inners
  15: optional string opt
}

struct TTree {
  1: string name
  2: list<TTree> kids
  3: map<string, TTree> named
}
