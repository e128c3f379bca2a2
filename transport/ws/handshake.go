// SPDX-License-Identifier: Apache-2.0

package ws

import (
	"bufio"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // RFC 6455 asks for it, and nothing is secured by it
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"

	"github.com/rpcx-go/rpcx/internal/webhost"
	"github.com/rpcx-go/rpcx/transport/internal/upgrade"
)

const version = "13"

// acceptance is what a server answers to the key of a client, which shows that it knows
// the protocol.
func acceptance(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")) //nolint:gosec // see the import
	return base64.StdEncoding.EncodeToString(sum[:])
}

// ask asks for path, as a page of the server itself would: rpcx refuses who does not say
// where he comes from. It returns what reads from conn from then on.
func ask(conn net.Conn, hostPort, path string, secure bool) (*bufio.Reader, error) {
	var nonce [16]byte
	_, _ = rand.Read(nonce[:]) // never fails
	key := base64.StdEncoding.EncodeToString(nonce[:])
	scheme := "http://"
	if secure {
		scheme = "https://"
	}
	request := "GET " + path + " HTTP/1.1\r\n" +
		"Host: " + hostPort + "\r\n" +
		"Upgrade: websocket\r\n" +
		"Connection: Upgrade\r\n" +
		"Sec-WebSocket-Key: " + key + "\r\n" +
		"Origin: " + scheme + hostPort + "\r\n" +
		"Sec-WebSocket-Version: " + version + "\r\n\r\n"
	if _, err := io.WriteString(conn, request); err != nil {
		return nil, err
	}
	src := bufio.NewReaderSize(conn, readBuffer)
	resp, err := upgrade.ReadResponse(src, &http.Request{Method: http.MethodGet})
	if err != nil {
		return nil, err
	}
	_ = resp.Body.Close() // it was not read
	if resp.StatusCode != http.StatusSwitchingProtocols {
		return nil, fmt.Errorf("the server answered %.100q to a request for %s", resp.Status, path)
	}
	return src, agreed(resp.Header, key)
}

// agreed says what is wrong with a server's consent.
func agreed(h http.Header, key string) error {
	switch {
	case !has(h, "Upgrade", "websocket"), !has(h, "Connection", "upgrade"):
		return errors.New("the server switches to another protocol")
	case strings.TrimSpace(h.Get("Sec-WebSocket-Accept")) != acceptance(key):
		return errors.New("the server's answer does not fit the key")
	case h.Get("Sec-WebSocket-Extensions") != "", h.Get("Sec-WebSocket-Protocol") != "":
		return errors.New("the server wants what nobody offered")
	default:
		return nil
	}
}

// refuse says what is wrong with a client's request, and the status to answer with.
func (c Config) refuse(r *http.Request) (status int, reason string) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(r.Header.Get("Sec-WebSocket-Key")))
	switch {
	case r.Method != http.MethodGet:
		return http.StatusMethodNotAllowed, "want GET"
	case !r.ProtoAtLeast(1, 1) || !has(r.Header, "Upgrade", "websocket") || !has(r.Header, "Connection", "upgrade"):
		return http.StatusUpgradeRequired, "want an upgrade to websocket"
	case strings.TrimSpace(r.Header.Get("Sec-WebSocket-Version")) != version:
		return http.StatusUpgradeRequired, "want version " + version
	case err != nil || len(key) != 16:
		return http.StatusBadRequest, "the key is not one of 16 bytes"
	case !webhost.List(c.Hosts).Admits(r.Host):
		return http.StatusMisdirectedRequest, "the host is not served here"
	case !c.allowed(r.Header.Values("Origin"), r.Host):
		return http.StatusForbidden, "pages from there may not connect"
	default:
		return 0, ""
	}
}

// allowed reports whether a request from pages of origin may connect to host. Programs
// that are no browsers need not say where they come from.
func (c Config) allowed(origin []string, host string) bool {
	if len(origin) == 0 {
		return true
	}
	if len(origin) > 1 {
		return false
	}
	for _, o := range c.Origins {
		if o == "*" || strings.EqualFold(o, origin[0]) {
			return true
		}
	}
	u, err := url.Parse(origin[0])
	return err == nil && u.Host != "" && strings.EqualFold(u.Host, host)
}

// has reports whether a header, a list, has a token.
func has(h http.Header, name, token string) bool {
	for _, line := range h[textproto.CanonicalMIMEHeaderKey(name)] {
		for item := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.TrimSpace(item), token) {
				return true
			}
		}
	}
	return false
}
