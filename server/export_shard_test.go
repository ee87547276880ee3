package server

// SetShards gives a server, before anybody connects, as many shards as it would
// have on a machine with twice as many processors.
func SetShards(s *Server, n int) {
	s.shards = nil
	for range n {
		s.shards = append(s.shards, &shard{server: s})
	}
}
