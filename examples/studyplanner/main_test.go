package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// browser keeps cookies and repeats the CSRF token as the page does.
type browser struct {
	t      *testing.T
	base   string
	http   *http.Client
	window string // what its page calls itself, or empty
}

// anotherWindow has the cookies of the first.
func (b *browser) anotherWindow(name string) *browser {
	return &browser{t: b.t, base: b.base, http: b.http, window: name}
}

func open(t *testing.T, a *app) *browser {
	t.Helper()
	s := httptest.NewServer(a.routes())
	t.Cleanup(s.Close)
	return visit(t, s.URL)
}

func visit(t *testing.T, base string) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	b := &browser{t: t, base: base, http: &http.Client{Jar: jar}}
	status, page := b.call(http.MethodGet, "/", nil)
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, page, "Study planner")
	return b
}

func (b *browser) call(method, path string, body any) (int, string) {
	b.t.Helper()
	var in io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		require.NoError(b.t, err)
		in = bytes.NewReader(raw)
	}
	r, err := http.NewRequestWithContext(b.t.Context(), method, b.base+path, in)
	require.NoError(b.t, err)
	for _, c := range b.http.Jar.Cookies(r.URL) {
		if c.Name == "XSRF-TOKEN" {
			r.Header.Set("X-XSRF-TOKEN", c.Value)
		}
	}
	r.Header.Set("X-Socket-ID", "1.2")
	r.Header.Set(windowHeader, b.window)
	answer, err := b.http.Do(r)
	require.NoError(b.t, err)
	defer answer.Body.Close()
	out, err := io.ReadAll(answer.Body)
	require.NoError(b.t, err)
	return answer.StatusCode, string(out)
}

func (b *browser) login(name, role string) {
	b.t.Helper()
	status, out := b.call(http.MethodPost, "/login", map[string]string{"name": name, "role": role})
	require.Less(b.t, status, 300, out)
}

// authorise asks for a channel as Echo does.
func (b *browser) authorise(name string) int {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, b.base+"/broadcasting/auth",
		strings.NewReader(url.Values{"socket_id": {"1.2"}, "channel_name": {name}}.Encode()))
	require.NoError(b.t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set(windowHeader, b.window)
	answer, err := b.http.Do(r)
	require.NoError(b.t, err)
	defer answer.Body.Close()
	return answer.StatusCode
}

func environment(vars map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) { v, ok := vars[name]; return v, ok }
}

func newTestApp(t *testing.T, data string, vars map[string]string) *app {
	t.Helper()
	a, err := newApp(settings{appID: "1", appKey: "key", appSecret: "secret", data: data}, environment(vars))
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, a.connection.Shutdown(t.Context())) })
	return a
}

func TestSessionOfStudentAndMentor(t *testing.T) {
	t.Parallel()
	a := newTestApp(t, "", nil)
	mentor := open(t, a)
	student := visit(t, mentor.base)

	status, _ := student.call(http.MethodGet, "/state", nil)
	assert.Equal(t, http.StatusUnauthorized, status, "a guest has no sessions")
	mentor.login("Grace", roleMentor)
	student.login("Ada", roleStudent)

	status, out := student.call(http.MethodPost, "/sessions", map[string]any{"mentorId": 1, "subject": "Fractions"})
	require.Equal(t, http.StatusOK, status, out)
	assert.JSONEq(t, `{"id":"1","subject":"Fractions","student":"Ada","mentor":"Grace"}`, out)
	for _, path := range []string{"/sessions/1/note", "/sessions/1/homework"} {
		status, _ = student.call(http.MethodPost, path, map[string]string{"text": "x"})
		assert.Equal(t, http.StatusForbidden, status, "%s is the mentor's", path)
		status, out = mentor.call(http.MethodPost, path, map[string]string{"text": "x"})
		assert.Equal(t, http.StatusNoContent, status, out)
	}
	status, out = student.call(http.MethodPost, "/sessions/1/messages", map[string]string{"text": "hello"})
	assert.Equal(t, http.StatusNoContent, status, out)
	status, _ = student.call(http.MethodPost, "/sessions/2/messages", map[string]string{"text": "hello"})
	assert.Equal(t, http.StatusNotFound, status)

	stranger := visit(t, mentor.base)
	stranger.login("Eve", roleStudent)
	for name, want := range map[string][3]int{
		"private-mentor.1":            {200, 403, 403},
		"private-App.Models.User.1":   {200, 403, 403},
		"presence-session.1":          {200, 200, 403},
		"private-encrypted-session.1": {200, 200, 403},
		"presence-session.2":          {403, 403, 403},
		"private-mentor.one":          {403, 403, 403},
		"private-private-mentor.1":    {403, 403, 403},
		"presence-mentor.1":           {403, 403, 403},
	} {
		got := [3]int{mentor.authorise(name), student.authorise(name), stranger.authorise(name)}
		assert.Equal(t, want, got, "mentor, student and stranger on %s", name)
	}
}

func TestTwoWindowsOfOneBrowserAreTwoPeople(t *testing.T) {
	t.Parallel()
	first := open(t, newTestApp(t, "", nil))
	mentor, student := first.anotherWindow("one"), first.anotherWindow("two")
	mentor.login("Grace", roleMentor)
	_, out := student.call(http.MethodGet, "/start", nil)
	assert.Contains(t, out, `"user":null`, "nobody has logged in in this window")
	student.login("Ada", roleStudent)
	assert.Equal(t, []int{200, 403}, []int{mentor.authorise("private-mentor.1"), student.authorise("private-mentor.1")})

	status, _ := student.call(http.MethodPost, "/logout", nil)
	assert.Equal(t, http.StatusNoContent, status)
	assert.Equal(t, []int{200, 403}, []int{mentor.authorise("private-mentor.1"), student.authorise("private-App.Models.User.2")})

	// What cannot be part of a cookie's name counts for nothing.
	odd := first.anotherWindow("a;b=c")
	odd.login("Eve", roleStudent)
	assert.Equal(t, 200, first.authorise("private-App.Models.User.3"))
}

func TestLoginsOfOneUserAreBounded(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "planner.json")
	a := newTestApp(t, file, nil)
	p := a.planner
	_, other, _, err := p.login("Grace", roleMentor)
	require.NoError(t, err)
	var tokens []string
	for range maxLogins + 2 {
		_, token, _, err := p.login("Ada", roleStudent)
		require.NoError(t, err)
		tokens = append(tokens, token)
	}
	assert.Nil(t, p.byToken(tokens[0]), "the oldest are over")
	assert.Nil(t, p.byToken(tokens[1]))
	ada := p.byToken(tokens[2])
	require.NotNil(t, ada)
	assert.NotNil(t, p.byToken(other), "another user's stay")
	assert.Len(t, p.logins, maxLogins+1)

	// One that is over makes room, and one that was none changes nothing.
	require.NoError(t, p.logout(tokens[5]))
	require.NoError(t, p.logout(tokens[0]))
	_, _, _, err = p.login("Ada", roleStudent)
	require.NoError(t, err)
	assert.Same(t, ada, p.byToken(tokens[2]))
	assert.Len(t, p.logins, maxLogins+1)

	again := newTestApp(t, file, nil).planner
	_, _, _, err = again.login("Ada", roleStudent)
	require.NoError(t, err)
	assert.Len(t, again.logins, maxLogins+1, "also over a restart")
}

func TestRequestsOfOtherPagesAreRefused(t *testing.T) {
	t.Parallel()
	b := open(t, newTestApp(t, "", nil))
	answer, err := http.Post(b.base+"/login", "application/json", strings.NewReader(`{"name":"Ada","role":"student"}`))
	require.NoError(t, err)
	defer answer.Body.Close()
	assert.Equal(t, http.StatusForbidden, answer.StatusCode)
}

func TestStateSurvivesARestart(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "planner.json")
	a := newTestApp(t, file, nil)
	b := open(t, a)
	b.login("Grace", roleMentor)
	cookies := b.http.Jar.Cookies(&url.URL{Scheme: "http", Host: "127.0.0.1"})

	again := newTestApp(t, file, nil)
	for _, c := range cookies {
		if c.Name == "studyplanner" {
			u := again.planner.byToken(c.Value)
			require.NotNil(t, u)
			assert.Equal(t, user{ID: 1, Name: "Grace", Role: roleMentor, tokens: []string{c.Value}}, *u)
			return
		}
	}
	t.Fatal("the login cookie is missing")
}

// With BROADCAST_CONNECTION=pusher the events leave for Pusher's API, here a
// scripted one, and the page is told key and cluster.
func TestOverPusher(t *testing.T) {
	t.Parallel()
	sent := make(chan string, 10)
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		sent <- r.URL.Path + " " + string(body)
		io.WriteString(w, "{}")
	}))
	t.Cleanup(api.Close)
	host, err := url.Parse(api.URL)
	require.NoError(t, err)
	vars := map[string]string{
		"BROADCAST_CONNECTION": "pusher", "PUSHER_APP_ID": "42", "PUSHER_APP_KEY": "hosted", "PUSHER_APP_SECRET": "s",
		"PUSHER_APP_CLUSTER": "eu",
	}
	b := open(t, newTestApp(t, "", vars))
	_, out := b.call(http.MethodGet, "/start", nil)
	assert.JSONEq(t, `{"user":null,"echo":{"broadcaster":"pusher","key":"hosted","cluster":"eu","forceTLS":true}}`, out)

	vars["PUSHER_HOST"], vars["PUSHER_PORT"], vars["PUSHER_SCHEME"] = host.Hostname(), host.Port(), "http"
	b = open(t, newTestApp(t, "", vars))
	b.login("Grace", roleMentor)
	var request struct {
		Name, Data string
		Channels   []string
	}
	path, body, _ := strings.Cut(<-sent, " ")
	require.NoError(t, json.Unmarshal([]byte(body), &request))
	assert.Equal(t, "/apps/42/events", path)
	assert.Equal(t, "mentor.arrived", request.Name)
	assert.Equal(t, []string{"mentors"}, request.Channels)
	assert.JSONEq(t, `{"id":1,"name":"Grace"}`, request.Data)
}

func TestConnectionsThatReachNobodySaySo(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"log", "null"} {
		b := open(t, newTestApp(t, "", map[string]string{"BROADCAST_CONNECTION": name}))
		_, out := b.call(http.MethodGet, "/start", nil)
		assert.Contains(t, out, "nothing will arrive", name)
		assert.NotContains(t, out, `"echo"`, name)
	}
	_, err := newApp(settings{appID: "1", appKey: "k", appSecret: "s"}, environment(map[string]string{"BROADCAST_CONNECTION": "pigeon"}))
	assert.ErrorContains(t, err, "pigeon")
}
