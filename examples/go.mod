module github.com/rpcx-go/rpcx/examples

go 1.26.0

require (
	github.com/apache/thrift v0.25.0
	github.com/prometheus/client_golang v1.25.0
	github.com/rpcx-go/rpcx v0.0.0
	github.com/rpcx-go/rpcx/codec/thrift v0.0.0
	github.com/rpcx-go/rpcx/compress/zstd v0.0.0
	github.com/rpcx-go/rpcx/contrib/otel v0.0.0
	github.com/rpcx-go/rpcx/contrib/prometheus v0.0.0
	github.com/rpcx-go/rpcx/transport/kcp v0.0.0
	github.com/rpcx-go/rpcx/transport/quic v0.0.0
	github.com/rpcx-go/rpcx/transport/utp v0.0.0
	go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp v1.47.0
	go.opentelemetry.io/otel/sdk v1.47.0
	go.opentelemetry.io/proto/otlp v1.11.0
	google.golang.org/protobuf v1.36.12
)

require (
	github.com/anacrolix/missinggo v1.3.0 // indirect
	github.com/anacrolix/missinggo/perf v1.0.0 // indirect
	github.com/anacrolix/missinggo/v2 v2.5.1 // indirect
	github.com/anacrolix/sync v0.4.0 // indirect
	github.com/anacrolix/utp v0.2.0 // indirect
	github.com/beorn7/perks v1.0.1 // indirect
	github.com/cenkalti/backoff/v5 v5.0.3 // indirect
	github.com/cespare/xxhash/v2 v2.3.0 // indirect
	github.com/go-logr/logr v1.4.4 // indirect
	github.com/go-logr/stdr v1.2.2 // indirect
	github.com/google/uuid v1.6.0 // indirect
	github.com/grpc-ecosystem/grpc-gateway/v2 v2.30.0 // indirect
	github.com/huandu/xstrings v1.3.1 // indirect
	github.com/klauspost/compress v1.20.3 // indirect
	github.com/klauspost/cpuid/v2 v2.2.6 // indirect
	github.com/klauspost/reedsolomon v1.12.0 // indirect
	github.com/munnerz/goautoneg v0.0.0-20191010083416-a7dc8b61c822 // indirect
	github.com/pkg/errors v0.9.1 // indirect
	github.com/prometheus/client_model v0.6.3 // indirect
	github.com/prometheus/common v0.72.0 // indirect
	github.com/prometheus/procfs v0.22.0 // indirect
	github.com/quic-go/quic-go v0.65.0 // indirect
	github.com/tjfoc/gmsm v1.4.1 // indirect
	github.com/vmihailenco/msgpack/v5 v5.4.1 // indirect
	github.com/vmihailenco/tagparser/v2 v2.0.0 // indirect
	github.com/xtaci/kcp-go/v5 v5.6.72 // indirect
	go.opentelemetry.io/auto/sdk v1.2.1 // indirect
	go.opentelemetry.io/otel v1.47.0 // indirect
	go.opentelemetry.io/otel/exporters/otlp/otlptrace v1.47.0 // indirect
	go.opentelemetry.io/otel/log v1.47.0 // indirect
	go.opentelemetry.io/otel/metric v1.47.0 // indirect
	go.opentelemetry.io/otel/trace v1.47.0 // indirect
	golang.org/x/crypto v0.58.0 // indirect
	golang.org/x/net v0.62.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
	golang.org/x/text v0.43.0 // indirect
	golang.org/x/time v0.14.0 // indirect
	google.golang.org/genproto/googleapis/api v0.0.0-20260928230214-8a89bd6388cc // indirect
	google.golang.org/genproto/googleapis/rpc v0.0.0-20260928230214-8a89bd6388cc // indirect
	google.golang.org/grpc v1.83.2 // indirect
)

replace github.com/rpcx-go/rpcx => ..

replace github.com/rpcx-go/rpcx/codec/thrift => ../codec/thrift

replace github.com/rpcx-go/rpcx/compress/zstd => ../compress/zstd

replace github.com/rpcx-go/rpcx/contrib/otel => ../contrib/otel

replace github.com/rpcx-go/rpcx/contrib/prometheus => ../contrib/prometheus

replace github.com/rpcx-go/rpcx/transport/kcp => ../transport/kcp

replace github.com/rpcx-go/rpcx/transport/quic => ../transport/quic

replace github.com/rpcx-go/rpcx/transport/utp => ../transport/utp
