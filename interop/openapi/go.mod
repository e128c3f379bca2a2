module github.com/rpcx-go/rpcx/interop/openapi

go 1.26.0

require (
	// Holds the JSON Schema of OpenAPI 3.1, which documents are checked against.
	github.com/pb33f/libopenapi v0.42.3
	github.com/rpcx-go/rpcx v0.0.0
	// An implementation of JSON Schema 2020-12 that is not ours.
	github.com/santhosh-tekuri/jsonschema/v6 v6.0.3
	google.golang.org/protobuf v1.36.12
)

require (
	github.com/bahlo/generic-list-go v0.2.0 // indirect
	github.com/buger/jsonparser v1.6.1 // indirect
	github.com/pb33f/go-yaml v0.1.1 // indirect
	github.com/pb33f/jsonpath v0.8.5 // indirect
	github.com/pb33f/ordered-map/v2 v2.3.2 // indirect
	github.com/vmihailenco/msgpack/v5 v5.4.1 // indirect
	github.com/vmihailenco/tagparser/v2 v2.0.0 // indirect
	golang.org/x/text v0.43.0 // indirect
)

replace github.com/rpcx-go/rpcx => ../..
