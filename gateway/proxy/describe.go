// SPDX-License-Identifier: Apache-2.0

package proxy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/gateway/openapi"
	"github.com/rpcx-go/rpcx/internal/httpcall"
	"github.com/rpcx-go/rpcx/protocol"
	"github.com/rpcx-go/rpcx/reflection"
)

// Describe returns where package openapi has its descriptions from: it asks a server of
// each of the given services, whose reflection service knows what can be called on it.
//
//	docs := openapi.Handler(gw.Describe("Arith", "Shop"), openapi.Config{})
//	err := gw.HandleHTTP("GET /docs/", http.StripPrefix("/docs", docs))
//
// The token of the request and the limits on calls hold for that; Config.Allow need not name
// the reflection service, and what it does not name is left out. So is a service that
// cannot be described, unless none can be: then the document is refused. A resolver cannot
// list what it knows: Describe without names is the source of an empty document.
func (p *Proxy) Describe(services ...string) openapi.Source {
	services = slices.Clone(services)
	return func(r *http.Request) ([]reflection.Service, error) {
		md, err := httpcall.Metadata(r.Header)
		if err != nil {
			return nil, err
		}
		v := new(visit)
		if v.adds, err = p.identity(r); err != nil {
			return nil, err
		}
		ctx, peer := context.WithValue(r.Context(), visitKey{}, v), httpcall.Peer(r)
		var all []reflection.Service
		var errs []error
		for _, name := range services {
			s, err := p.describe(ctx, peer, md, name)
			if err != nil {
				errs = append(errs, err)
				continue
			}
			all = append(all, *s)
		}
		if len(all) == 0 && len(errs) > 0 {
			return nil, errs[0]
		}
		return all, nil
	}
}

// describe asks a server of a service for its description.
func (p *Proxy) describe(ctx context.Context, peer rpcx.Peer, md rpcx.Metadata, name string) (*reflection.Service, error) {
	text, err := json.Marshal(name)
	if err != nil {
		return nil, rpcx.Errorf(rpcx.InvalidArgument, "gateway: describe %q: %w", name, err)
	}
	m := &protocol.Message{Service: reflection.ServiceName, Method: "Describe", Metadata: md, Payload: text}
	m.Serialize = protocol.JSON
	reply, err := p.dispatch(ctx, peer, m, name)
	if errors.Is(err, rpcx.Unimplemented) {
		return nil, fmt.Errorf("describe %s: %w; its servers add it with reflection.Register", name, err)
	}
	if err != nil {
		return nil, err
	}
	var d reflection.Description
	if err := json.Unmarshal(reply.Payload, &d); err != nil || len(d.Services) != 1 || d.Services[0].Name != name {
		return nil, rpcx.Errorf(rpcx.Internal, "gateway: the reflection service of %s does not describe it", name)
	}
	s := &d.Services[0]
	s.Methods = slices.DeleteFunc(s.Methods, func(m reflection.Method) bool { return !p.allows(name, m.Name) })
	s.Defs = used(s)
	return s, nil
}

// definition matches what leads to a definition, and perhaps more.
var definition = regexp.MustCompile(`#/\$defs/([A-Za-z0-9._-]+)`) //nolint:gochecknoglobals // a constant

// used returns the definitions that the methods of s need: the others are of methods that
// may not be called.
func used(s *reflection.Service) map[string]json.RawMessage {
	found := make(map[string]json.RawMessage)
	var look []json.RawMessage
	for _, m := range s.Methods {
		look = append(look, m.Args, m.Reply)
	}
	for len(look) > 0 {
		text := look[0]
		look = look[1:]
		for _, ref := range definition.FindAllSubmatch(text, -1) {
			name := string(ref[1])
			def, known := s.Defs[name]
			if _, again := found[name]; known && !again {
				found[name] = def
				look = append(look, def)
			}
		}
	}
	return found
}
