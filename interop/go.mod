module github.com/rpcx-go/rpcx/interop

go 1.26.0

require github.com/rpcx-go/rpcx v0.0.0

replace github.com/rpcx-go/rpcx => ..
