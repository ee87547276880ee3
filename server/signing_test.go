package server_test

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"slices"
	"strings"
)

// query is the parameters of a request in the order in which they are sent.
type query [][2]string

// signed appends the signature to the query, as the documents describe it and
// not by the code under test.
func (q query) signed(secret, method, path string) query {
	sorted := slices.Clone(q)
	for i := range sorted {
		sorted[i][0] = strings.ToLower(sorted[i][0])
	}
	slices.SortFunc(sorted, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) })
	return append(slices.Clone(q), [2]string{"auth_signature", hmacHex(secret, method+"\n"+path+"\n"+sorted.raw())})
}

// set returns the query with another value of the parameter, behind the others
// if it is a new one.
func (q query) set(name, value string) query {
	q = slices.Clone(q)
	for i := range q {
		if q[i][0] == name {
			q[i][1] = value
			return q
		}
	}
	return append(q, [2]string{name, value})
}

func (q query) without(name string) query {
	return slices.DeleteFunc(slices.Clone(q), func(p [2]string) bool { return p[0] == name })
}

// raw writes the query without escapes, as the SDKs for Go, Node and Python do.
func (q query) raw() string {
	return q.join(func(s string) string { return s })
}

// escaped writes the query with escapes, as the SDK for PHP does.
func (q query) escaped() string {
	return q.join(url.QueryEscape)
}

func (q query) join(escape func(string) string) string {
	pairs := make([]string, len(q))
	for i, p := range q {
		pairs[i] = escape(p[0]) + "=" + escape(p[1])
	}
	return strings.Join(pairs, "&")
}

func md5Hex(b []byte) string {
	sum := md5.Sum(b)
	return hex.EncodeToString(sum[:])
}

func hmacHex(secret, s string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(s))
	return hex.EncodeToString(mac.Sum(nil))
}
