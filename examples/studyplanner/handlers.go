package main

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"strings"

	"github.com/onairgo/onair/broadcast"
	"github.com/onairgo/onair/event"
	"github.com/onairgo/onair/event/notification"
)

// windowHeader is the header in which the page sends the name of its window.
const windowHeader = "X-Window"

var windowName = regexp.MustCompile(`^[0-9a-z]{1,32}$`)

// loginCookie returns the name of the login cookie for the window that sent the
// request. A real application has one login for all windows of a browser. Here
// two windows are two people, although windows share their cookies.
func loginCookie(r *http.Request) string {
	if name := r.Header.Get(windowHeader); windowName.MatchString(name) {
		return "studyplanner-" + name
	}
	return "studyplanner"
}

// currentUser returns the user who sent a request, for the authorisation rules
// and the handlers. A nil user is a guest.
func (a *app) currentUser(r *http.Request) (*user, error) {
	c, err := r.Cookie(loginCookie(r))
	if err != nil {
		return nil, nil // a guest, not an error
	}
	return a.planner.byToken(c.Value), nil
}

func (a *app) start(w http.ResponseWriter, r *http.Request) {
	u, _ := a.currentUser(r)
	answer := map[string]any{"user": u}
	if a.warning != "" {
		answer["warning"] = a.warning
	}
	if c := a.client(r); c != nil {
		answer["echo"] = c
	}
	writeJSON(w, answer)
}

func (a *app) login(w http.ResponseWriter, r *http.Request) {
	var in struct{ Name, Role string }
	if !readJSON(w, r, &in) {
		return
	}
	name := strings.TrimSpace(in.Name)
	if name == "" || len(name) > 160 || in.Role != roleStudent && in.Role != roleMentor {
		refuse(w, http.StatusUnprocessableEntity, "a login needs a name and a role, student or mentor")
		return
	}
	u, token, fresh, err := a.planner.login(name, in.Role)
	if err != nil {
		refuse(w, http.StatusServiceUnavailable, err.Error())
		return
	}
	http.SetCookie(w, &http.Cookie{
		Name: loginCookie(r), Value: token, Path: "/", HttpOnly: true,
		SameSite: http.SameSiteLaxMode, Secure: r.TLS != nil,
	})
	if fresh && u.Role == roleMentor {
		a.dispatch(w, r, MentorArrived{ID: u.ID, Name: u.Name}, nil)
		return
	}
	writeJSON(w, u)
}

func (a *app) logout(w http.ResponseWriter, r *http.Request) {
	if c, err := r.Cookie(loginCookie(r)); err == nil {
		if err := a.planner.logout(c.Value); err != nil {
			slog.ErrorContext(r.Context(), "logout not kept", slog.Any("error", err))
		}
	}
	http.SetCookie(w, &http.Cookie{Name: loginCookie(r), Path: "/", MaxAge: -1})
	w.WriteHeader(http.StatusNoContent)
}

func (a *app) state(w http.ResponseWriter, _ *http.Request, u *user) {
	writeJSON(w, map[string]any{"mentors": a.planner.mentors(), "sessions": a.planner.sessionsOf(u)})
}

func (a *app) startSession(w http.ResponseWriter, r *http.Request, u *user) {
	var in struct {
		MentorID int    `json:"mentorId"`
		Subject  string `json:"subject"`
	}
	if !readJSON(w, r, &in) {
		return
	}
	if u.Role != roleStudent || strings.TrimSpace(in.Subject) == "" {
		refuse(w, http.StatusUnprocessableEntity, "a student starts a session, and it needs a subject")
		return
	}
	s, err := a.planner.start(u, in.MentorID, strings.TrimSpace(in.Subject))
	if err != nil {
		refuse(w, http.StatusUnprocessableEntity, err.Error())
		return
	}
	a.dispatch(w, r, SessionStarted{SessionID: s.ID, StudentName: u.Name, Subject: s.Subject, MentorID: s.mentor.ID}, s)
}

func (a *app) message(w http.ResponseWriter, r *http.Request, u *user, s *session, text string) {
	// The page that sent the message shows it already.
	a.dispatch(w, r, MessageSent{From: u.Name, Text: text, SessionID: s.ID}, nil, broadcast.ToOthers(r))
}

func (a *app) note(w http.ResponseWriter, r *http.Request, u *user, s *session, text string) {
	if u != s.mentor {
		refuse(w, http.StatusForbidden, "the mentor writes the notes")
		return
	}
	a.dispatch(w, r, NoteWritten{Text: text, SessionID: s.ID}, nil)
}

func (a *app) homework(w http.ResponseWriter, r *http.Request, u *user, s *session, text string) {
	if u != s.mentor {
		refuse(w, http.StatusForbidden, "the mentor gives the homework")
		return
	}
	n := HomeworkGiven{Title: "Homework from " + u.Name, Body: text}
	a.dispatch(w, r, notification.To(s.student, n), nil)
}

// dispatch broadcasts the event. It answers with what was made, or with 204 if
// that is nil. If the broadcast fails, what was stored stays stored: the pages
// read it when they next load, and the log says what happened.
func (a *app) dispatch(w http.ResponseWriter, r *http.Request, e event.Event, made any, options ...broadcast.DispatchOption) {
	if err := a.broadcaster.Dispatch(r.Context(), e, options...); err != nil {
		slog.ErrorContext(r.Context(), "event not dispatched", slog.Any("error", err))
	}
	if made == nil {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	writeJSON(w, made)
}

// loggedIn refuses guests.
func (a *app) loggedIn(next func(http.ResponseWriter, *http.Request, *user)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		u, _ := a.currentUser(r)
		if u == nil {
			refuse(w, http.StatusUnauthorized, "log in first")
			return
		}
		next(w, r, u)
	}
}

// inSession finds the session that the path names and reads the text in the
// body.
func (a *app) inSession(next func(http.ResponseWriter, *http.Request, *user, *session, string)) http.HandlerFunc {
	return a.loggedIn(func(w http.ResponseWriter, r *http.Request, u *user) {
		s := a.planner.session(r.PathValue("id"), u)
		if s == nil {
			refuse(w, http.StatusNotFound, "there is no such session with you in it")
			return
		}
		var in struct{ Text string }
		if !readJSON(w, r, &in) {
			return
		}
		text := strings.TrimSpace(in.Text)
		if text == "" || len(text) > 2000 {
			refuse(w, http.StatusUnprocessableEntity, "a text of 1 to 2000 bytes is needed")
			return
		}
		next(w, r, u, s, text)
	})
}

func readJSON(w http.ResponseWriter, r *http.Request, into any) bool {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 16<<10))
	if err == nil {
		err = json.Unmarshal(body, into)
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, "the body is not the JSON that is expected here")
		return false
	}
	return true
}

func refuse(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"message": message})
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}
