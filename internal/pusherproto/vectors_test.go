package pusherproto_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/internal/pusherproto"
	"github.com/onairgo/onair/internal/vectortest"
)

// vector is a row of signature.json, recorded from Pusher's PHP SDK.
type vector struct {
	Name  string `json:"name"`
	Input struct {
		Method    string          `json:"method"`
		Path      string          `json:"path"`
		Params    json.RawMessage `json:"params"`
		Key       string          `json:"key"`
		Secret    string          `json:"secret"`
		Version   string          `json:"ver"`
		Timestamp any             `json:"timestamp"`

		Channel   string `json:"channel"`
		Plaintext string `json:"plaintext"`
		NonceHex  string `json:"nonce_hex"`
		MasterKey string `json:"encryption_master_key_base64"`
	} `json:"input"`
	Want struct {
		StringToSign string `json:"string_to_sign"`
		Signature    string `json:"auth_signature"`
		SharedSecret string `json:"shared_secret_base64"`
		Data         string `json:"data"`
		OK           bool   `json:"ok"`
		Length       int    `json:"length"`
	} `json:"want"`
}

func TestRecordedSignatures(t *testing.T) {
	t.Parallel()
	var n vectortest.Tally
	count := map[string]int{}
	for _, v := range vectortest.Rows[vector](t, "signature.json") {
		kind, _, _ := strings.Cut(v.Name, ":")
		if kind == "request" || kind == "webhook" {
			n.None++ // of whole requests, which the pusher driver makes
			continue
		}
		count[kind]++
		// The SDK takes no key for a key of no bytes. Here whoever has no key does
		// not ask.
		differs := kind == "master key" && v.Input.MasterKey == ""
		n.Add(!differs)
		switch kind {
		case "sign":
			testRecordedSignature(t, v)
		case "shared secret":
			secret := pusherproto.SharedSecret(v.Input.Channel, master(t, v.Input.MasterKey))
			assert.Equal(t, v.Want.SharedSecret, base64.StdEncoding.EncodeToString(secret[:]), v.Name)
		case "secretbox":
			testRecordedBox(t, v)
		case "master key":
			key, err := pusherproto.DecodeMasterKey(v.Input.MasterKey)
			if differs {
				assert.Error(t, err, v.Name)
				continue
			}
			assert.Equal(t, v.Want.OK, err == nil, "%s: %v", v.Name, err)
			if err == nil {
				assert.Len(t, key, v.Want.Length, v.Name)
			}
		default:
			t.Errorf("%s: unknown kind", v.Name)
		}
	}
	n.Report(t, "signature.json", vectortest.Tally{Agree: 26, Differ: 1, None: 25})
	assert.Equal(t, map[string]int{"sign": 16, "shared secret": 1, "secretbox": 4, "master key": 6}, count)
}

func testRecordedSignature(t *testing.T, v vector) {
	params := map[string]string{
		pusherproto.ParamKey: v.Input.Key, pusherproto.ParamTimestamp: phpString(v.Input.Timestamp), pusherproto.ParamVersion: v.Input.Version,
	}
	var given map[string]any // an empty PHP array is a list
	if err := json.Unmarshal(v.Input.Params, &given); err != nil {
		require.JSONEq(t, "[]", string(v.Input.Params), v.Name)
	}
	for name, value := range given {
		params[name] = phpString(value)
	}
	got := pusherproto.StringToSign(v.Input.Method, v.Input.Path, params)
	assert.Equal(t, v.Want.StringToSign, got, v.Name)
	signer := pusherproto.NewSigner(v.Input.Secret)
	assert.Equal(t, v.Want.Signature, string(signer.AppendSignature(nil, got)), v.Name)
	assert.True(t, signer.Verify(v.Want.Signature, got), v.Name)

	params[pusherproto.ParamSignature] = v.Want.Signature
	assert.Equal(t, got, pusherproto.StringToSign(v.Input.Method, v.Input.Path, params), "%s: the signature is not signed", v.Name)
}

// phpString is how the SDK writes a parameter.
func phpString(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case bool:
		if v {
			return "1"
		}
		return ""
	case []any:
		parts := make([]string, len(v))
		for i := range v {
			parts[i] = phpString(v[i])
		}
		return strings.Join(parts, ",")
	}
	return fmt.Sprint(value)
}

func testRecordedBox(t *testing.T, v vector) {
	m := master(t, v.Input.MasterKey)
	nonce, err := hex.DecodeString(v.Input.NonceHex)
	require.NoError(t, err)
	data := pusherproto.SealWithNonce(v.Input.Channel, m, (*[pusherproto.NonceSize]byte)(nonce), v.Input.Plaintext)
	assert.JSONEq(t, v.Want.Data, data, v.Name)
	plain, err := pusherproto.Open(v.Input.Channel, m, v.Want.Data)
	require.NoError(t, err, v.Name)
	assert.Equal(t, v.Input.Plaintext, plain, v.Name)
}

func TestStringToSignOfPushersDocumentation(t *testing.T) {
	t.Parallel()
	signer := pusherproto.NewSigner(docsSecret)
	base := map[string]string{"auth_key": docsKey, "auth_timestamp": "1353088179", "auth_version": "1.0"}
	for _, test := range []struct {
		method, path string
		params       map[string]string
		want         string
	}{
		{
			"POST", "/apps/3/events",
			map[string]string{"body_md5": pusherproto.BodyMD5([]byte(`{"name":"foo","channels":["project-3"],"data":"{\"some\":\"data\"}"}`))},
			"da454824c97ba181a32ccc17a72625ba02771f50b50e1e7430e47a1f3f457e6c",
		},
		{
			"GET", "/apps/3/channels",
			map[string]string{"filter_by_prefix": "presence-", "info": "user_count,subscription_count"},
			"ff97d40ab3fbbd15394386a29c12998c33635305357b2e2abd18dc67efe3f87d",
		},
		{ // names are compared in lower case
			"GET", "/apps/3/channels",
			map[string]string{"Filter_By_Prefix": "presence-", "INFO": "user_count,subscription_count"},
			"ff97d40ab3fbbd15394386a29c12998c33635305357b2e2abd18dc67efe3f87d",
		},
		{
			"GET", "/apps/3/channels/presence-a/users",
			map[string]string{"body_md5": pusherproto.BodyMD5(nil)},
			"ab454b3672fd32a6498d8b280981cc20f7d9fd541eaa5a3ab8c19b30e5284cd4",
		},
	} {
		for name, value := range base {
			test.params[name] = value
		}
		got := pusherproto.StringToSign(test.method, test.path, test.params)
		assert.Equal(t, test.want, string(signer.AppendSignature(nil, got)), got)
	}
}
