package server_test

import (
	"fmt"
	"testing"
	"testing/synctest"
)

// TestQueryOfManyParameters sends what would be sorted and joined several times
// before a stranger is told that it is not signed.
func TestQueryOfManyParameters(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t)
		var params []string
		for i := range 60 { // and those that prove who asks are four
			params = append(params, fmt.Sprintf("p%d", i), "x")
		}
		a.get(t, "/channels", params...).ok(t, `{"channels":{}}`)
		a.get(t, "/channels", append(params, "one", "more")...).refused(t, 400, "more than 64 parameters")
	})
}
