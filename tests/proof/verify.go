// Verifies what our test gives it, with Go's own implementation of signed notes and of RFC 6962.
package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type given struct {
	Note, Vkey string
	Inclusions []struct {
		Index int64
		Leaf  string
		Proof []string
	}
	Consistencies []struct {
		Old     int64
		OldRoot string `json:"old_root"`
		Proof   []string
	}
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func hash(text string) (found tlog.Hash) {
	raw, err := base64.StdEncoding.DecodeString(text)
	check(err)
	copy(found[:], raw)
	return found
}

func hashes(texts []string) (found []tlog.Hash) {
	for _, each := range texts {
		found = append(found, hash(each))
	}
	return found
}

func main() {
	raw, err := os.ReadFile(os.Args[1])
	check(err)
	var told given
	check(json.Unmarshal(raw, &told))
	verifier, err := note.NewVerifier(told.Vkey)
	check(err)
	opened, err := note.Open([]byte(told.Note), note.VerifierList(verifier))
	check(err)
	var origin, size, root string
	fmt.Sscanf(opened.Text, "%s\n%s\n%s\n", &origin, &size, &root)
	var events int64
	fmt.Sscan(size, &events)
	for _, each := range told.Inclusions {
		leaf, err := base64.StdEncoding.DecodeString(each.Leaf)
		check(err)
		check(tlog.CheckRecord(tlog.RecordProof(hashes(each.Proof)), events, hash(root), each.Index, tlog.RecordHash(leaf)))
	}
	for _, each := range told.Consistencies {
		check(tlog.CheckTree(tlog.TreeProof(hashes(each.Proof)), events, hash(root), each.Old, hash(each.OldRoot)))
	}
	fmt.Printf("%d inclusions, %d consistencies\n", len(told.Inclusions), len(told.Consistencies))
}
