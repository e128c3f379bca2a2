// SPDX-License-Identifier: Apache-2.0

namespace go ariththrift

struct Numbers {
  1: i64 a
  2: i64 b
}

struct Number {
  1: i64 c
}
