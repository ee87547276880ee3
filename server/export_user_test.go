package server

// MemberFrames reads channel data and returns the frames that others are sent
// about the member, with the list of all.
func MemberFrames(channelData string) (frames [][]byte, id string, err error) {
	var l Limits
	l.setDefaults()
	m, err := parseMember(channelData, &l)
	if err != nil {
		return nil, "", err
	}
	p := newPresence()
	p.byID[m.id], p.members = m, []*member{m}
	return [][]byte{memberAddedFrame("presence-a", m), p.snapshotFrame("presence-a"), memberRemovedFrame("presence-a", m)}, m.id, nil
}

// UserFrames reads user data and returns the frames about the user.
func UserFrames(userData string) (frames [][]byte, id string, err error) {
	var l Limits
	l.setDefaults()
	u, _, err := parseUser(userData, &l)
	if err != nil {
		return nil, "", err
	}
	return [][]byte{signedInFrame(userData), watchlistFrame([]string{u.id}, u.watchlist), memberAddedFrame("presence-a", u.member())}, u.id, nil
}
