module github.com/rpcx-go/rpcx/compress/zstd

go 1.26.0

require (
	github.com/klauspost/compress v1.20.3
	github.com/rpcx-go/rpcx v0.0.0
	go.uber.org/goleak v1.3.0
)

replace github.com/rpcx-go/rpcx => ../..
