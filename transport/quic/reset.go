// SPDX-License-Identifier: Apache-2.0

package quic

import (
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"

	quicgo "github.com/quic-go/quic-go"
)

// resetKey makes the key of stateless resets from the private key of the certificate: a
// server that was restarted then tells the clients of the one before that their
// connections are gone, which they else learn by waiting. It returns nil where the
// private key is not at hand.
func resetKey(c *tls.Config) *quicgo.StatelessResetKey {
	if len(c.Certificates) == 0 {
		return nil
	}
	secret, err := x509.MarshalPKCS8PrivateKey(c.Certificates[0].PrivateKey)
	if err != nil {
		return nil
	}
	var key quicgo.StatelessResetKey
	derived, err := hkdf.Key(sha256.New, secret, nil, "rpcx quic stateless reset", len(key))
	if err != nil {
		return nil
	}
	copy(key[:], derived)
	return &key
}
