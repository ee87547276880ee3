package server_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// What should have been signed stands in the answer as it is, to be compared.
func TestErrorsAreReadable(t *testing.T) {
	t.Parallel()
	const path = "/apps/1/channels"
	a := newAPI(t)
	got := a.send(t, "GET", path, sign("k", "wrong", "GET", path, nil, time.Now()), nil)
	got.refused(t, 401)
	assert.Contains(t, got.body, "auth_key=k&auth_timestamp=")
}
