module github.com/rpcx-go/rpcx/transport/utp

go 1.26.0

require (
	github.com/anacrolix/utp v0.2.0
	github.com/rpcx-go/rpcx v0.0.0
	go.uber.org/goleak v1.3.0
)

require (
	github.com/anacrolix/missinggo v1.3.0 // indirect
	github.com/anacrolix/missinggo/perf v1.0.0 // indirect
	github.com/anacrolix/missinggo/v2 v2.5.1 // indirect
	github.com/anacrolix/sync v0.4.0 // indirect
	github.com/huandu/xstrings v1.3.1 // indirect
	github.com/vmihailenco/msgpack/v5 v5.4.1 // indirect
	github.com/vmihailenco/tagparser/v2 v2.0.0 // indirect
	golang.org/x/net v0.62.0 // indirect
	google.golang.org/protobuf v1.36.12 // indirect
)

replace github.com/rpcx-go/rpcx => ../..
