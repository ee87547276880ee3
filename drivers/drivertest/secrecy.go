package drivertest

import (
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/onairgo/onair/broadcast"
	"github.com/onairgo/onair/channel"
)

var secrecyCases = []testCase{
	{
		name:     "encrypted payload arrives",
		sentence: "The data of an encrypted channel is sealed before it leaves, and its subscribers open exactly what was given.",
		needs:    []need{arrives, encrypts},
		check: func(t *reporter, h Harness) {
			o := &outbox{t: t, h: h}
			for _, c := range encrypted() {
				for _, data := range payloads {
					o.send(message("drivertest.encrypted", data, c))
				}
			}
			o.verify()
		},
	},
	{
		name:     "encrypted payload stays secret",
		sentence: "The data of an encrypted channel never leaves in the clear.",
		needs:    []need{arrives, leaves},
		check:    checkClear,
	},
	{
		name:     "sealed afresh",
		sentence: "The same data sealed twice looks different each time.",
		needs:    []need{arrives, encrypts},
		check: func(t *reporter, h Harness) {
			o := &outbox{t: t, h: h}
			m := message("drivertest.again", `{"n":1}`, channel.Encrypted("drivertest"))
			o.send(m)
			o.send(m)
			o.verify()
			if list := h.Arrived(2); len(list) == 2 && list[0].Wire == list[1].Wire {
				t.Errorf("the same data left twice as %s", shorten(list[0].Wire))
			}
		},
	},
	{
		name:     "errors keep secrets",
		sentence: "An error shows neither a payload nor a secret.",
		needs:    []need{fails},
		check:    checkErrorText,
	},
}

const marker = "rosebud-4f1c9a"

// checkClear accepts that a driver without a key refuses to send, as long as
// nothing leaves the program.
func checkClear(t *reporter, h Harness) {
	plain := `{"word":"` + marker + `"}`
	for _, c := range encrypted() {
		err := h.Driver.Broadcast(t.Context(), []broadcast.Message{message("drivertest.secret", plain, c)})
		if err != nil && h.Features.Encrypts {
			t.Fatalf("Broadcast to %s returned: %v", c, err)
		}
	}
	want := 0
	if h.Features.Encrypts {
		want = len(encrypted())
	}
	for _, a := range h.Arrived(want) {
		left := a.Wire
		if left == "" {
			left = a.Data
		}
		if h.Features.Encrypts && a.Wire == "" {
			t.Errorf("the harness does not show what left (Arrival.Wire) for %s", a.Channel)
		}
		for _, form := range []string{marker, base64.StdEncoding.EncodeToString([]byte(plain)), hex.EncodeToString([]byte(plain))} {
			if strings.Contains(left, form) {
				t.Errorf("to %s the payload left in the clear or merely encoded: %s", a.Channel, shorten(left))
			}
		}
	}
}

func checkErrorText(t *reporter, h Harness) {
	const event = "drivertest.failing"
	h.Fail(event)
	err := h.Driver.Broadcast(t.Context(), []broadcast.Message{
		message(event, `{"word":"`+marker+`"}`, channel.Private("drivertest")),
	})
	if err == nil {
		t.Fatalf("Broadcast returned nil although delivery failed")
	}
	texts := []string{err.Error()}
	for _, part := range broadcast.Undelivered(err) {
		texts = append(texts, part.Err.Error())
	}
	for _, secret := range append(slices.Clone(h.Secrets), marker) {
		if slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(text, secret) }) {
			// The text is not repeated, because logs of tests are kept too.
			t.Errorf("the error holds the payload or a secret of %d bytes", len(secret))
		}
	}
}
