package pusherproto

// MaxSocketIDDigits is the maximum number of digits on each side of a socket
// id's dot.
const MaxSocketIDDigits = 20

// ValidSocketID reports whether id has the form that servers of the Pusher
// protocol assign: digits, one dot, digits, with at most [MaxSocketIDDigits] on
// each side. Anything less strict would let a client choose parts of the string
// that is signed for it.
func ValidSocketID(id string) bool {
	dot := -1
	for i := range len(id) {
		switch b := id[i]; {
		case b >= '0' && b <= '9':
		case b == '.' && dot < 0:
			dot = i
		default:
			return false
		}
	}
	left, right := dot, len(id)-dot-1
	return left >= 1 && left <= MaxSocketIDDigits && right >= 1 && right <= MaxSocketIDDigits
}
