// SPDX-License-Identifier: Apache-2.0

//go:build race

package interop

// raceDetector says whether data races are looked for. Real rpcx has some.
const raceDetector = true
