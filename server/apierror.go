package server

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
)

// apiError is the answer to a request of the HTTP API that was not carried out.
// The caller gets the text, so it names cause and cure but no internals of the
// program.
type apiError struct {
	status int
	text   string
}

func apiErrorf(status int, format string, args ...any) *apiError {
	return &apiError{status: status, text: fmt.Sprintf(format, args...)}
}

func badRequest(format string, args ...any) *apiError {
	return apiErrorf(http.StatusBadRequest, format, args...)
}

func unauthorized(format string, args ...any) *apiError {
	return apiErrorf(http.StatusUnauthorized, format, args...)
}

// Error returns the status and the text.
func (e *apiError) Error() string { return strconv.Itoa(e.status) + " " + e.text }

// answer returns the error as the HTTP API writes it.
func (e *apiError) answer() apiAnswer {
	return jsonAnswer(e.status, struct {
		Error string `json:"error"`
		Code  int    `json:"code"`
	}{e.text, e.status})
}

// apiAnswer is what the HTTP API sends back: a status and a JSON body.
type apiAnswer struct {
	status int
	body   []byte
}

// emptyAnswer is the answer of a call that has no result. The SDKs compare it
// with {}, so it must be exactly that.
var emptyAnswer = apiAnswer{http.StatusOK, []byte("{}")}

func jsonAnswer(status int, v any) apiAnswer {
	var body bytes.Buffer
	enc := json.NewEncoder(&body)
	enc.SetEscapeHTML(false) // people read the strings to sign, which are full of &
	if err := enc.Encode(v); err != nil {
		panic(err) // every value given here is of strings, numbers and maps of them
	}
	return apiAnswer{status, bytes.TrimSuffix(body.Bytes(), []byte("\n"))}
}

func (a apiAnswer) write(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Length", strconv.Itoa(len(a.body)))
	w.WriteHeader(a.status)
	w.Write(a.body) // an error means that the caller is gone
}
