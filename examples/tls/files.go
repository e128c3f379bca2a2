// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
)

// fromFiles returns settings for either side: whose certificate is in a file, with its key
// in another, and who trusts those that the authorities of a third one have issued.
func fromFiles(certFile, keyFile, authorities string) (*tls.Config, error) {
	cert, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(authorities)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s holds no certificate", authorities)
	}
	return &tls.Config{
		Certificates: []tls.Certificate{cert},
		RootCAs:      pool, // a client's, for servers
		ClientCAs:    pool, // a server's, for clients if it asks them
	}, nil
}
