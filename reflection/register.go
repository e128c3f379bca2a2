// SPDX-License-Identifier: Apache-2.0

package reflection

import (
	"bytes"
	"context"
	"encoding/json"
	"io/fs"
	"slices"

	"github.com/rpcx-go/rpcx"
	"github.com/rpcx-go/rpcx/reflection/internal/wire"
)

// ServiceName is the name of the service that Register adds. Programs made for rpcx
// expect it under this name.
const ServiceName = "Reflection"

// Server is what can describe itself; a *server.Server is one.
type Server interface {
	Services() []rpcx.ServiceInfo
	RegisterName(name string, rcvr any, metadata string) error
}

// Register adds the service Reflection to s. It tells of what is registered when it is
// asked, so it may come first or last. source holds Go source, for instance what a
// directive go:embed has embedded; its comments become part of the descriptions, as
// Comments finds them.
func Register(s Server, source ...fs.FS) error {
	docs, err := Comments(source...)
	if err != nil {
		return err
	}
	return s.RegisterName(ServiceName, &service{server: s, docs: docs}, "")
}

// service is what is registered. Its methods are called concurrently.
type service struct {
	server Server
	docs   Docs
	made   memory
}

// Describe describes a service, or all of them.
func (s *service) Describe(_ context.Context, name *wire.Name, reply *wire.Document) (err error) {
	*reply, err = s.answer("Describe", *name, func(infos []rpcx.ServiceInfo) ([]byte, error) {
		return json.Marshal(Describe(infos, s.docs))
	})
	return err
}

// List returns the names of a service or of all of them, and of their methods.
func (s *service) List(_ context.Context, name *wire.Name, reply *wire.Document) (err error) {
	*reply, err = s.answer("List", *name, func(infos []rpcx.ServiceInfo) ([]byte, error) {
		return json.Marshal(names(infos))
	})
	return err
}

// GetService returns a service as Go source.
func (s *service) GetService(_ context.Context, name *wire.Name, reply *wire.Text) (err error) {
	if len(*name) == 0 {
		return rpcx.Errorf(rpcx.InvalidArgument, "reflection: which service? say its name, or call GetServices")
	}
	*reply, err = s.answer("GetService", *name, func(infos []rpcx.ServiceInfo) ([]byte, error) {
		return goSource(infos, s.docs), nil
	})
	return err
}

// GetServices returns all services as Go source but those that every server has. As in
// rpcx it does not matter what it is asked for.
func (s *service) GetServices(_ context.Context, _ *wire.Name, reply *wire.Text) (err error) {
	*reply, err = s.answer("GetServices", nil, func(infos []rpcx.ServiceInfo) ([]byte, error) {
		return goSource(slices.DeleteFunc(infos, builtin), s.docs), nil
	})
	return err
}

// answer returns what a method says of the services of a name, "" for all. What it has
// said before is not made again while the same is registered.
func (s *service) answer(method string, name wire.Name, say func([]rpcx.ServiceInfo) ([]byte, error)) ([]byte, error) {
	all, question := s.server.Services(), method+" "+string(name)
	if known := s.made.get(all, question); known != nil {
		return bytes.Clone(known), nil // interceptors may change what they see
	}
	infos, err := find(all, name)
	if err != nil {
		return nil, err
	}
	text, err := say(infos)
	if err == nil {
		s.made.keep(all, question, bytes.Clone(text))
	}
	return text, err
}

// find returns the services of a name, "" for all.
func find(all []rpcx.ServiceInfo, name wire.Name) ([]rpcx.ServiceInfo, error) {
	if len(name) == 0 {
		return slices.Clone(all), nil
	}
	for _, info := range all {
		if info.Name == string(name) {
			return []rpcx.ServiceInfo{info}, nil
		}
	}
	return nil, rpcx.Errorf(rpcx.NotFound, "not found service %s", name)
}
