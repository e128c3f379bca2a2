// SPDX-License-Identifier: Apache-2.0

package openapi

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"github.com/rpcx-go/rpcx/reflection"
)

// Config is what services do not say of themselves. Its zero value will do.
type Config struct {
	Title       string   // default "Services"
	Version     string   // of the interface, default "1"
	Description string   // CommonMark
	Servers     []string // where calls go: URLs, which may be relative to the document's; default "/"
	Token       bool     // calls want a token, in the header Authorization
	Builtin     bool     // describe the services that every server has as well
}

type (
	document struct {
		OpenAPI    string                `json:"openapi"`
		Info       info                  `json:"info"`
		Servers    []server              `json:"servers"`
		Tags       []tag                 `json:"tags,omitempty"`
		Paths      map[string]pathItem   `json:"paths"`
		Components components            `json:"components"`
		Security   []map[string][]string `json:"security,omitempty"`
	}
	info struct {
		Title       string `json:"title"`
		Description string `json:"description,omitempty"`
		Version     string `json:"version"`
	}
	server struct {
		URL string `json:"url"`
	}
	tag struct {
		Name        string `json:"name"`
		Description string `json:"description,omitempty"`
	}
	pathItem struct {
		Post operation `json:"post"`
	}
	operation struct {
		Tags        []string    `json:"tags"`
		Summary     string      `json:"summary,omitempty"`
		Description string      `json:"description,omitempty"`
		OperationID string      `json:"operationId"`
		Deprecated  bool        `json:"deprecated,omitempty"`
		Parameters  []reference `json:"parameters"`
		RequestBody body        `json:"requestBody"`
		Responses   responses   `json:"responses"`
		Service     string      `json:"x-rpcx-service"`
		Method      string      `json:"x-rpcx-method"`
		Codecs      []string    `json:"x-rpcx-codecs,omitempty"`
	}
	responses struct {
		OK      response  `json:"200"`
		Default reference `json:"default"`
	}
	reference struct {
		Ref string `json:"$ref"`
	}
	body struct {
		Description string               `json:"description,omitempty"`
		Content     map[string]mediaType `json:"content"`
	}
	mediaType struct {
		Schema json.RawMessage `json:"schema"`
	}
	response struct {
		Description string               `json:"description"`
		Headers     map[string]reference `json:"headers,omitempty"`
		Content     map[string]mediaType `json:"content"`
	}
	components struct {
		Schemas         map[string]json.RawMessage `json:"schemas"`
		Responses       map[string]response        `json:"responses"`
		Parameters      json.RawMessage            `json:"parameters"`
		Headers         json.RawMessage            `json:"headers"`
		SecuritySchemes json.RawMessage            `json:"securitySchemes,omitempty"`
	}
)

// Document returns an OpenAPI 3.1 document of services, as JSON. Types of one name are one
// schema if they are alike in all services, and else are told apart by the service. A
// method to which no path can lead, such as one with a slash in its name, is left out.
func Document(services []reflection.Service, c Config) ([]byte, error) {
	d := document{
		OpenAPI: "3.1.0",
		Info:    info{Title: or(c.Title, "Services"), Description: c.Description, Version: or(c.Version, "1")},
		Paths:   make(map[string]pathItem),
		Components: components{
			Schemas:    map[string]json.RawMessage{problemSchema: json.RawMessage(problem)},
			Responses:  map[string]response{"Problem": problemResponse()},
			Parameters: json.RawMessage(parameters),
			Headers:    json.RawMessage(headers),
		},
	}
	if len(c.Servers) == 0 {
		c.Servers = []string{"/"}
	}
	for _, base := range c.Servers {
		d.Servers = append(d.Servers, server{base})
	}
	if c.Token {
		d.Components.SecuritySchemes = json.RawMessage(tokenScheme)
		d.Security = []map[string][]string{{"token": {}}}
	}
	ids := make(map[string]bool)
	tags := make(map[string]bool)
	for _, s := range services {
		if s.Builtin && !c.Builtin {
			continue
		}
		refs := d.Components.add(&s)
		if !tags[s.Name] { // of several servers one may describe it after the other
			tags[s.Name] = true
			d.Tags = append(d.Tags, tag{s.Name, s.Doc})
		}
		for _, m := range s.Methods {
			path, ok := pathOf(s.Name, m.Name)
			if _, taken := d.Paths[path]; ok && !taken {
				d.Paths[path] = pathItem{operationOf(&s, &m, refs, ids)}
			}
		}
	}
	text, err := json.Marshal(d)
	if err != nil {
		return nil, fmt.Errorf("openapi: a schema is no JSON: %w", err)
	}
	return text, nil
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// pathOf returns the path of a method, if one can lead to it. The name of a service may
// have slashes, and braces, which mean something else in a template.
func pathOf(service, method string) (path string, ok bool) {
	var out strings.Builder
	for part := range strings.SplitSeq(service, "/") {
		if part == "" || part == "." || part == ".." { // which clients resolve
			return "", false
		}
		out.WriteString("/" + url.PathEscape(part))
	}
	ok = method != "" && method != "." && method != ".." && !strings.Contains(method, "/")
	return out.String() + "/" + url.PathEscape(method), ok
}

// operationOf describes a method.
func operationOf(s *reflection.Service, m *reflection.Method, refs func(json.RawMessage) json.RawMessage, ids map[string]bool) operation {
	op := operation{
		Tags:        []string{s.Name},
		Description: m.Doc,
		Deprecated:  m.Deprecated,
		Parameters:  []reference{{"#/components/parameters/Timeout"}, {"#/components/parameters/Metadata"}},
		RequestBody: body{Content: jsonContent(refs(m.Args))},
		Responses: responses{
			OK: response{
				Description: "The reply.",
				Headers:     map[string]reference{"X-RPCX-Meta": {"#/components/headers/Metadata"}},
				Content:     jsonContent(refs(m.Reply)),
			},
			Default: reference{"#/components/responses/Problem"},
		},
		Service: s.Name,
		Method:  m.Name,
		Codecs:  m.Codecs,
	}
	op.Summary, _, _ = strings.Cut(m.Doc, "\n")
	if m.Raw {
		op.RequestBody.Description = "Whatever the handler of frames takes; it does not say."
	}
	op.OperationID = s.Name + "." + m.Name
	for i := 2; ids[op.OperationID]; i++ { // a.b + c and a + b.c
		op.OperationID = fmt.Sprintf("%s.%s-%d", s.Name, m.Name, i)
	}
	ids[op.OperationID] = true
	return op
}

// jsonContent is a body of a schema.
func jsonContent(schema json.RawMessage) map[string]mediaType {
	return map[string]mediaType{"application/json": {schema}}
}
