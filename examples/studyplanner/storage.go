package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// stored is the planner's state in a file.
type stored struct {
	Users    []*user         `json:"users"`
	Logins   map[string]int  `json:"logins"` // cookie to user id
	Sessions []storedSession `json:"sessions"`
}

type storedSession struct {
	Subject   string `json:"subject"`
	StudentID int    `json:"studentId"`
	MentorID  int    `json:"mentorId"`
}

// loadPlanner reads the file that save wrote. If there is none, the planner
// starts empty.
func loadPlanner(file string) (*planner, error) {
	p := &planner{file: file, logins: make(map[string]*user)}
	if file == "" {
		return p, nil
	}
	raw, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	var in stored
	if err == nil {
		err = json.Unmarshal(raw, &in)
	}
	if err != nil {
		return nil, fmt.Errorf("data: %w", err)
	}
	p.users = in.Users
	for token, id := range in.Logins {
		if u := p.user(id, ""); u != nil {
			p.keep(u, token)
		}
	}
	for _, s := range in.Sessions {
		if student := p.user(s.StudentID, roleStudent); student != nil {
			if _, err := p.add(student, s.MentorID, s.Subject); err != nil {
				return nil, fmt.Errorf("data: %w", err)
			}
		}
	}
	return p, nil
}

// save writes the state to the file. Only the owner may read the file, because
// it holds the logins. The caller holds the lock.
func (p *planner) save() error {
	if p.file == "" {
		return nil
	}
	out := stored{Users: p.users, Logins: make(map[string]int)}
	for token, u := range p.logins {
		out.Logins[token] = u.ID
	}
	for _, s := range p.sessions {
		out.Sessions = append(out.Sessions, storedSession{Subject: s.Subject, StudentID: s.student.ID, MentorID: s.mentor.ID})
	}
	raw, err := json.Marshal(out)
	if err != nil {
		return fmt.Errorf("data: %w", err)
	}
	if err := os.WriteFile(p.file+".new", raw, 0o600); err != nil {
		return fmt.Errorf("data: %w", err)
	}
	return os.Rename(p.file+".new", p.file)
}
