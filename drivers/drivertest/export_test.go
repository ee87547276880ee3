package drivertest

// TB is what a case reports to.
type TB = tb

// CaseNames returns the names of all cases.
func CaseNames() []string {
	var names []string
	for _, c := range cases {
		names = append(names, c.name)
	}
	return names
}

// RunCase runs one case and returns its sentence, and false when the case
// cannot be checked with the harness.
func RunCase(t TB, name string, h Harness) (sentence string, ok bool) {
	for _, c := range cases {
		if c.name == name && c.inapplicable(h) == "" {
			c.run(t, h)
			return c.sentence, true
		}
	}
	return "", false
}
