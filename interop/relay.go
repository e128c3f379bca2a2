// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	realclient "github.com/smallnest/rpcx/client"
)

// relay is the QUIC of real rpcx. It does not compile with the version of quic-go that
// ours needs, and a program has only one, so it runs in a program of its own,
// testdata/quicrelay, which moves the bytes between its QUIC connections and sockets here.
type relay struct {
	folder    string
	socket    string // of the program
	program   *exec.Cmd
	life      io.Closer
	listeners atomic.Int64 // how many there were
}

// errNoRelay says that real rpcx's QUIC cannot be had here.
var errNoRelay = errors.New("real rpcx's version of quic-go is not at hand, and the module proxy is out of reach")

// startRelay builds and starts the program, in folder. It shows the certificate of
// config and trusts it. The error is errNoRelay if the program cannot be built without
// the network.
func startRelay(folder string, config *tls.Config) (*relay, error) {
	cert, key, err := writePair(folder, config.Certificates[0])
	if err != nil {
		return nil, err
	}
	program := filepath.Join(folder, "quicrelay")
	if err := buildRelay(program); err != nil {
		return nil, err
	}
	r := &relay{socket: filepath.Join(folder, "relay.sock"), folder: folder}
	r.program = exec.Command(program, r.socket, cert, key)
	r.program.Stderr = os.Stderr
	if r.life, err = r.program.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := r.program.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := r.program.Start(); err != nil {
		return nil, err
	}
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		r.stop()
		return nil, fmt.Errorf("the relay does not listen: %w", err)
	}
	return r, nil
}

// buildRelay builds it apart from the workspace, whose version of quic-go it cannot have.
func buildRelay(program string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	build := exec.CommandContext(ctx, "go", "build", "-tags", "quic", "-o", program, ".")
	build.Dir = filepath.Join("testdata", "quicrelay")
	build.Env = append(os.Environ(), "GOWORK=off")
	out, err := build.CombinedOutput()
	if err != nil && bytes.Contains(out, []byte("dial tcp")) {
		return fmt.Errorf("%w: %s", errNoRelay, out)
	}
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// stop ends the program.
func (r *relay) stop() {
	_ = r.life.Close() // which it ends with
	_ = r.program.Wait()
}

// ask connects to the program, which answers a request with a line, "ok" and more or
// what went wrong.
func (r *relay) ask(request string) (net.Conn, string, error) {
	conn, err := net.Dial("unix", r.socket)
	if err != nil {
		return nil, "", err
	}
	if _, err = fmt.Fprintln(conn, request); err == nil {
		var line string
		if line, err = readLine(conn); err == nil {
			if rest, ok := strings.CutPrefix(line, "ok"); ok {
				return conn, strings.TrimSpace(rest), nil
			}
			err = errors.New(line)
		}
	}
	_ = conn.Close() // nothing was done
	return nil, "", fmt.Errorf("relay: %s: %w", request, err)
}

// readLine reads no byte that comes after the line.
func readLine(r io.Reader) (string, error) {
	var line []byte
	for b := make([]byte, 1); ; {
		if _, err := io.ReadFull(r, b); err != nil {
			return "", err
		}
		if b[0] == '\n' {
			return string(line), nil
		}
		line = append(line, b[0])
	}
}

// dial is a dialer of real clients.
func (r *relay) dial(_ *realclient.Client, _, addr string) (net.Conn, error) {
	if r == nil {
		return nil, errNoRelay
	}
	conn, _, err := r.ask("dial " + addr)
	return conn, err
}

// listen lets the program listen, and returns what it accepts.
func (r *relay) listen() (net.Listener, error) {
	socket := filepath.Join(r.folder, fmt.Sprintf("quic%d.sock", r.listeners.Add(1)))
	accepted, err := net.Listen("unix", socket)
	if err != nil {
		return nil, err
	}
	control, addr, err := r.ask("listen " + socket)
	if err != nil {
		_ = accepted.Close()
		return nil, err
	}
	udp, err := net.ResolveUDPAddr("udp", addr)
	return &relayListener{Listener: accepted, control: control, addr: udp}, err
}

// relayListener is a QUIC listener in the program.
type relayListener struct {
	net.Listener
	control net.Conn // the other listener ends with it
	addr    net.Addr
}

// Addr implements net.Listener.
func (l *relayListener) Addr() net.Addr { return l.addr }

// Close implements net.Listener.
func (l *relayListener) Close() error {
	_ = l.control.Close()
	return l.Listener.Close()
}

// writePair writes a certificate and its key as files.
func writePair(folder string, pair tls.Certificate) (cert, key string, err error) {
	der, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		return "", "", err
	}
	cert, key = filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem")
	err = os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]}), 0o600)
	if err == nil {
		err = os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600)
	}
	return cert, key, err
}
