// SPDX-License-Identifier: Apache-2.0

namespace go th

// What the matrix sends.
struct Task {
  1: string key
  2: string text
  3: i64 a
  4: i64 b
}

struct Outcome {
  1: string text
  2: i64 c
}

// What the transcripts of real rpcx hold.
struct TArgs {
  1: i32 a
  2: i32 b
}

struct TReply {
  1: i32 c
}
