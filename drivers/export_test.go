package drivers

// AddressOf returns the address that the variables behind the prefix make, as
// it stands in a URL. What is left out of it cannot be seen on a port that a
// test may listen on.
func AddressOf(prefix string, variables map[string]string) (string, error) {
	e := environment{lookup: func(name string) (string, bool) { v, ok := variables[name]; return v, ok }}
	a := e.address(prefix, e.get(prefix+"_HOST"))
	if e.err.empty() {
		return a.String(), nil
	}
	return "", &e.err
}
