module github.com/rpcx-go/rpcx/compress/zstd

go 1.26.0

require github.com/rpcx-go/rpcx v0.0.0

replace github.com/rpcx-go/rpcx => ../..
