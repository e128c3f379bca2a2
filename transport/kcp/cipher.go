// SPDX-License-Identifier: Apache-2.0

package kcp

import (
	"crypto/pbkdf2"
	"crypto/sha1" //nolint:gosec // what the users of rpcx derive their keys with
	"fmt"

	kcpgo "github.com/xtaci/kcp-go/v5"
)

// DeriveKey makes a key of 32 bytes from a password, as users of rpcx do: PBKDF2 with
// HMAC-SHA-1 and 4096 rounds. A key of random bytes is better.
func DeriveKey(password, salt string) []byte {
	key, err := pbkdf2.Key(sha1.New, password, []byte(salt), 4096, 32)
	if err != nil {
		return nil // where the machine forbids SHA-1; no cipher takes it
	}
	return key
}

// AES returns the cipher that most users of rpcx have, AES in CFB mode. The key has 16,
// 24 or 32 bytes.
func AES(key []byte) (kcpgo.BlockCrypt, error) {
	return named("aes")(kcpgo.NewAESBlockCrypt(key))
}

// AESGCM returns a cipher that proves that packets come from who has the key. Its key
// has 16, 24 or 32 bytes. Real rpcx has nothing like it.
func AESGCM(key []byte) (kcpgo.BlockCrypt, error) {
	return named("aes-gcm")(kcpgo.NewAESGCMCrypt(key))
}

// Salsa20 returns the cipher of that name. The key has 32 bytes.
func Salsa20(key []byte) (kcpgo.BlockCrypt, error) {
	if len(key) != 32 {
		return nil, fmt.Errorf("kcp: salsa20: a key of %d bytes, want 32", len(key))
	}
	return named("salsa20")(kcpgo.NewSalsa20BlockCrypt(key))
}

// NoCipher returns the cipher that leaves packets as they are, for lines that are
// private and for connections with TLS.
func NoCipher() kcpgo.BlockCrypt {
	c, err := kcpgo.NewNoneBlockCrypt(nil)
	if err != nil {
		return nil // it never fails; Dial and Listen would say what is missing
	}
	return c
}

func named(name string) func(kcpgo.BlockCrypt, error) (kcpgo.BlockCrypt, error) {
	return func(c kcpgo.BlockCrypt, err error) (kcpgo.BlockCrypt, error) {
		if err != nil {
			return nil, fmt.Errorf("kcp: %s: %w", name, err)
		}
		return c, nil
	}
}
