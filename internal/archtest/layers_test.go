// SPDX-License-Identifier: Apache-2.0

package archtest

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"
)

// layer says where a package stands and what of this project it may import. In
// patterns, paths are below the module path and "." is the root package; "x/*" is
// everything one level below x, "x/..." is x and all below it. What lies in x/internal
// is a part of x.
type layer struct {
	level  int
	pkg    string
	may    []string
	reason string
}

// layers is the table of the whole project. A package belongs to the first line
// that matches it. Arrows go down only: whatever a line allows, an import must
// lead to a package of a lower level.
func layers() []layer {
	implementations := []string{
		".", "protocol", "codec", "codec/*", "compress", "compress/*",
		"transport", "transport/*", "registry", "internal/*",
	}
	everything := []string{"..."}
	return []layer{
		{-1, "internal/bufpool", nil, "memory that is used again, for the frame as well"},
		{-1, "internal/lateread", nil, "sockets that wait without memory, for protocol and both sides"},

		{0, "protocol", []string{"internal/bufpool", "internal/lateread"}, "the frame, for tools that want nothing else"},
		{0, "internal/adaptive", nil, "a part named for what it does"},
		{0, "internal/archtest", nil, "reads source, runs none of it"},
		{0, "internal/backoff", nil, "a part named for what it does"},
		{0, "internal/breaker", nil, "a part named for what it does"},
		{0, "internal/callctx", nil, "a context key that the root package and server share"},
		{0, "internal/deadline", nil, "what the contexts of both sides' calls have in common"},
		{0, "internal/faultconn", nil, "a net.Conn that breaks, for tests"},
		{0, "internal/health", nil, "what clients and servers say to each other about health"},
		{0, "internal/notice", nil, "a part named for what it does"},
		{0, "internal/peerip", nil, "a part named for what it does"},
		{0, "internal/sniff", nil, "tells protocols apart by their first bytes"},
		{0, "internal/tokenbucket", nil, "a part named for what it does"},
		{0, "internal/udp", nil, "what transports over UDP have in common"},
		{0, "internal/webhost", nil, "a part named for what it does"},
		{0, "scripts/...", nil, "tools of the build"},

		{1, ".", []string{"protocol", "internal/callctx"}, "the vocabulary, which every program sees"},
		{1, "codec", []string{"protocol"}, "an interface and a set"},
		{1, "compress", []string{"protocol"}, "an interface and a set"},
		{1, "transport", []string{"internal/peerip"}, "an interface and a set: net.Conn is the currency; its greetings count peers"},
		{1, "registry", nil, "interfaces: an instance is an address with facts"},

		{2, "codec/*", []string{"codec", "protocol"}, "implements codec, knows no other"},
		{2, "compress/*", []string{"compress", "protocol"}, "implements compress, knows no other"},
		{2, "transport/*", []string{"transport", "internal/udp", "internal/bufpool", "internal/peerip", "internal/webhost"}, "implements transport, moves bytes it does not read"},
		{2, "registry/*", []string{"registry", "internal/backoff"}, "implements registry, knows no calls"},
		{2, "balance", []string{".", "registry"}, "picks an instance for a call"},
		{2, "middleware", []string{".", "internal/breaker", "internal/callctx", "internal/notice", "internal/peerip", "internal/tokenbucket"}, "interceptors as users write them"},
		{2, "internal/httpcall", []string{".", "protocol", "internal/webhost"}, "what calls over HTTP have in common"},
		{3, "contrib/redislimit", []string{".", "middleware"}, "an interceptor as users write them"},
		{2, "contrib/...", []string{"."}, "observers as users write them"},
		{2, "internal/hello", []string{"protocol", "compress"}, "what both sides say first"},
		{2, "internal/mux", []string{"protocol"}, "sequence numbers and pending calls"},
		{2, "internal/outbox", []string{"protocol", "internal/bufpool"}, "frames that wait to be written"},

		{3, "balance/balancetest", []string{".", "balance", "registry"}, "what every policy must pass"},
		{3, "gateway", []string{".", "protocol", "internal/httpcall"}, "a way in to Dispatch, which it is handed"},
		{3, "jsonrpc", []string{".", "protocol", "internal/httpcall"}, "a way in to Dispatch, which it is handed"},

		{3, "reflection", []string{"."}, "a service like any other, and what it tells; the server is handed to it"},
		{4, "gateway/openapi", []string{".", "protocol", "reflection", "internal/httpcall"}, "what is told, for whoever speaks HTTP"},

		{4, "client", append(slices.Clone(implementations), "balance", "registry/*"), "never server"},
		{4, "server", append(slices.Clone(implementations), "gateway", "jsonrpc"), "never client"},

		{5, "gateway/proxy", append(slices.Clone(implementations), "client", "gateway", "gateway/openapi", "jsonrpc", "reflection", "registry/*"), "ways in, joined to a client"},
		{5, "rpctest", everything, "the one package that sees both sides"},
		{5, "transport/transporttest/calltest", everything, "calls over every transport"},

		{6, "benchmark/...", everything, "programs"},
		{6, "cmd/...", everything, "programs"},
		{6, "examples/...", everything, "programs"},
		{6, "interop/...", everything, "tests against real rpcx"},
	}
}

// layerOf returns the line of a package.
func layerOf(table []layer, pkg string) (layer, bool) {
	pkg = owner(pkg)
	for _, l := range table {
		if matches(l.pkg, pkg) {
			return l, true
		}
	}
	return layer{}, false
}

// owner returns the package that a package is an internal part of, if it is one.
func owner(pkg string) string {
	pkg, _, _ = strings.Cut(pkg, "/internal/")
	return pkg
}

// matches reports whether pattern, as in layer, covers a package.
func matches(pattern, pkg string) bool {
	if pattern == "..." {
		return true
	}
	if tree, ok := strings.CutSuffix(pattern, "/..."); ok {
		return pkg == tree || strings.HasPrefix(pkg, tree+"/")
	}
	ok, err := path.Match(pattern, pkg)
	return ok && err == nil
}

// forTests reports whether a package exists for tests alone.
func forTests(pkg string) bool {
	return strings.HasSuffix(pkg, "test") || pkg == "internal/faultconn" || pkg == "codec/internal/vectors"
}

// judge says what is wrong with an import of one package of the project by
// another, "" if nothing is.
func judge(table []layer, from, to string) string {
	src, ok := layerOf(table, from)
	if !ok {
		return fmt.Sprintf("package %s has no line in the table of internal/archtest/layers_test.go: add one, with its reason", from)
	}
	dst, ok := layerOf(table, to)
	switch {
	case !ok:
		return fmt.Sprintf("%s imports %s, which has no line in the table of internal/archtest/layers_test.go", from, to)
	case owner(from) == owner(to), src.level == 6 && src.pkg == dst.pkg: // a part of its own
		return ""
	case forTests(to) && !forTests(from):
		return fmt.Sprintf("%s imports %s, which is for tests", from, to)
	case dst.level >= src.level:
		return fmt.Sprintf("%s (level %d) imports %s (level %d): arrows go down only", from, src.level, to, dst.level)
	case !slices.ContainsFunc(src.may, func(p string) bool { return matches(p, owner(to)) }):
		return fmt.Sprintf("%s imports %s, which its line does not allow (%q)", from, to, src.reason)
	default:
		return ""
	}
}

func TestLayers(t *testing.T) {
	t.Parallel()
	table := layers()
	for _, f := range repository(t).files {
		if f.test {
			continue
		}
		if _, ok := layerOf(table, f.pkg); !ok {
			t.Errorf("%s: package %s has no line in the table of layers: add one, with its reason", f.path, f.pkg)
		}
		for _, to := range f.imports() {
			if to, ok := inProject(to); ok {
				if wrong := judge(table, f.pkg, to); wrong != "" {
					t.Errorf("%s: %s", f.path, wrong)
				}
			}
		}
	}
}

// The judge must condemn what the design forbids.
func TestJudge(t *testing.T) {
	t.Parallel()
	tests := []struct {
		from, to string
		wrong    string // a part of the verdict, "" for innocent
	}{
		{".", "protocol", ""},
		{"codec/json", "codec", ""},
		{"client", "codec/msgpack", ""},
		{"client", "internal/outbox", ""},
		{"server", ".", ""},
		{"rpctest", "server", ""},
		{"rpctest", "client", ""},
		{"examples/quickstart", "client", ""},
		{"cmd/rpcx", "cmd/rpcx/internal/flags", ""},
		{"client", "server", "arrows go down only"},
		{"server", "client", "arrows go down only"},
		{"protocol", ".", "arrows go down only"},
		{"protocol", "internal/bufpool", ""},
		{"protocol", "internal/backoff", "arrows go down only"},
		{"internal/bufpool", "protocol", "arrows go down only"},
		{"codec", "codec/json", "arrows go down only"},
		{"codec/json", "codec/msgpack", "arrows go down only"},
		{"balance", "client", "arrows go down only"},
		{"client", "rpctest", "for tests"},
		{"client", "codec/codectest", "for tests"},
		{"codec/json", "codec/internal/vectors", "for tests"},
		{"codec/codectest", "codec/internal/vectors", ""},
		{"codec/protobuf", "codec/protobuf/internal/wire", ""},
		{"codec/protobuf/internal/wire", "codec", ""},
		{"codec/protobuf/internal/wire", "compress", "does not allow"},
		{"client", "internal/unheard", "has no line"},
		{"server", "balance", "does not allow"},
		{"client", "gateway", "does not allow"},
		{"codec/json", "compress", "does not allow"},
		{"transport/tcp", "protocol", "does not allow"},
		{"server", "unheard/of", "has no line"},
		{"unheard/of", "protocol", "has no line"},
		{"examples/quickstart", "interop", "arrows go down only"},
	}
	for _, tt := range tests {
		t.Run(tt.from+" to "+tt.to, func(t *testing.T) {
			t.Parallel()
			got := judge(layers(), tt.from, tt.to)
			if (got == "") != (tt.wrong == "") || !strings.Contains(got, tt.wrong) {
				t.Errorf("got %q, want it to say %q", got, tt.wrong)
			}
		})
	}
}

// A line that allows a package of its own level or above would be a lie: judge
// never lets it through.
func TestLayersAllowOnlyWhatIsBelow(t *testing.T) {
	t.Parallel()
	table := layers()
	for _, l := range table {
		if l.reason == "" {
			t.Errorf("%s has no reason", l.pkg)
		}
		for _, pattern := range l.may {
			if strings.ContainsAny(pattern, "*") || pattern == "..." {
				continue // what it covers is judged one by one
			}
			if dst, ok := layerOf(table, pattern); !ok || dst.level >= l.level {
				t.Errorf("%s (level %d) may import %s (level %d)", l.pkg, l.level, pattern, dst.level)
			}
		}
	}
}
