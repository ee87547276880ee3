package websocket

// Held returns how many bytes of a message begun the parser has room for.
func (p *Parser) Held() int {
	if p.rest == nil {
		return 0
	}
	return cap(p.rest.message)
}
