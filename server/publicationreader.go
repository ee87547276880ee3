package server

import (
	"bytes"
	"errors"
	"unicode/utf8"

	"github.com/onairgo/onair/internal/strictjson"
)

// readEvent reads the body of the events endpoint.
func readEvent(body []byte, limits Limits) (publication, error) {
	fields, err := publicationObject("the body", body)
	if err != nil {
		return publication{}, err
	}
	return readPublication(fields, limits)
}

// readBatch reads the body of the batch_events endpoint.
func readBatch(body []byte, limits Limits) ([]publication, error) {
	fields, err := publicationObject("the body", body)
	if err != nil {
		return nil, err
	}
	var events [][]byte
	for _, f := range fields {
		if f.Name == "batch" {
			var ok bool
			if events, ok = strictjson.AppendElements(nil, f.Value); !ok {
				return nil, badRequest("batch must be an array of events, not %s", kindOf(f.Value))
			}
		}
	}
	if len(events) == 0 {
		return nil, badRequest("batch is missing or empty; it must be an array of events")
	}
	if over(len(events), limits.Batch) {
		return nil, badRequest("Batch too large: %d events, the limit is %d; send them in several requests", len(events), limits.Batch)
	}
	batch := make([]publication, len(events))
	for i, e := range events {
		if batch[i], err = readBatchEvent(e, limits); err != nil {
			return nil, ofEvent(i, err)
		}
	}
	return batch, nil
}

func readBatchEvent(value []byte, limits Limits) (publication, error) {
	fields, err := publicationObject("it", value)
	if err != nil {
		return publication{}, err
	}
	for _, f := range fields {
		if f.Name == "channels" {
			return publication{}, badRequest("channels is not known in a batch; give each event one channel")
		}
	}
	return readPublication(fields, limits)
}

// ofEvent says which event of a batch an error is about; the first is 0.
func ofEvent(i int, err error) error {
	if e, ok := errors.AsType[*apiError](err); ok {
		return apiErrorf(e.status, "event %d of the batch: %s", i, e.text)
	}
	return err
}

// publicationObject splits an object into its members, none of which may be
// repeated. Half a surrogate pair reads as U+FFFD; every other character of a
// string stays as it is.
func publicationObject(what string, b []byte) ([]strictjson.Member, error) {
	if len(bytes.TrimSpace(b)) == 0 {
		return nil, badRequest("%s is empty; it must be a JSON object", what)
	}
	if !utf8.Valid(b) {
		return nil, badRequest("%s is not valid UTF-8", what)
	}
	fields, err := strictjson.AppendObject(nil, b)
	if err != nil {
		return nil, badRequest("%s cannot be read: %s", what, err)
	}
	return fields, nil
}

// readPublication reads an event. It ignores unknown fields, since new SDKs may
// send some. For a field that may be left out, null means that it is.
func readPublication(fields []strictjson.Member, limits Limits) (publication, error) {
	var in publicationFields
	for _, f := range fields {
		var err error
		switch null := string(f.Value) == "null"; {
		case f.Name == "name":
			in.name, err = stringField(f)
		case f.Name == "data":
			in.data, err = stringField(f)
		case null:
		case f.Name == "channel":
			in.channel, err = stringField(f)
		case f.Name == "channels":
			in.channels, err = channelsField(f, limits)
		case f.Name == "socket_id":
			in.socketID, err = stringField(f)
		case f.Name == "info":
			in.info, err = stringField(f)
		}
		if err != nil {
			return publication{}, err
		}
	}
	return in.publication(limits)
}

func stringField(f strictjson.Member) (*string, error) {
	s, ok := strictjson.String(f.Value)
	if ok {
		return &s, nil
	}
	cure := ""
	if f.Name == "data" {
		cure = "; encode it as JSON and send the text"
	}
	return nil, badRequest("%s must be a string, not %s%s", f.Name, kindOf(f.Value), cure)
}

func channelsField(f strictjson.Member, limits Limits) ([]string, error) {
	names, ok := strictjson.AppendStrings([]string{}, f.Value)
	if !ok {
		return nil, badRequest("channels must be an array of strings; a single name goes into channel")
	}
	if over(len(names), limits.Channels) {
		return nil, badRequest("channels has %d names, the limit is %d; send the event in several requests", len(names), limits.Channels)
	}
	return names, nil
}

// kindOf names the kind of a JSON value.
func kindOf(value []byte) string {
	switch value[0] {
	case '{':
		return "an object"
	case '[':
		return "an array"
	case '"':
		return "a string"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	}
	return "a number"
}
