package null_test

import (
	"testing"

	"github.com/onairgo/onair/drivers/drivertest"
	"github.com/onairgo/onair/drivers/null"
)

func TestContract(t *testing.T) {
	t.Parallel()
	drivertest.Run(t, func(*testing.T) drivertest.Harness {
		return drivertest.Harness{Driver: null.New()}
	})
}
