// What pages do when the program with the server in it is restarted, killed, or
// away for a while: they reconnect by themselves, rejoin every channel, and
// sign in again.
//
// pusher-js waits 15 seconds after a refused attempt, so all front ends run
// through this at the same time.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { dispatch, start } from '../harness/fixture.mjs';
import { until } from '../harness/until.mjs';
import { connect, frontEnds } from './echo-clients.mjs';

const PATIENCE = 60_000;

// Page is a front end with one subscription of each kind.
class Page {
  heard = [];
  here = 0;

  constructor(frontEnd, fixture, user) {
    this.frontEnd = frontEnd;
    this.echo = connect(frontEnd, fixture, user);
    this.pusher = this.echo.connector.pusher;
    const hear = (kind) => (e) => this.heard.push(`${kind} ${e.text}`);
    this.echo.channel('news').listen('NewUpdate', hear('public'));
    this.echo.private('session.1').listen('NewUpdate', hear('private'));
    this.echo.encryptedPrivate('session.1').listen('NewUpdate', hear('encrypted'));
    this.echo.join('session.1').here((people) => { this.here = people.length; }).listen('NewUpdate', hear('presence'));
    if (frontEnd.signsIn) {
      this.pusher.user.bind('App\\Events\\NewUpdate', hear('user'));
      this.pusher.signin();
    }
  }

  get kinds() {
    return ['public', 'private', 'encrypted', 'presence', ...(this.frontEnd.signsIn ? ['user'] : [])];
  }

  // settled waits until every subscription is confirmed on a connection other
  // than the one given.
  async settled(before, patience = PATIENCE) {
    await until(`${this.frontEnd.name} to be subscribed to everything`, () =>
      this.pusher.connection.state === 'connected' && this.echo.socketId() !== before &&
      this.pusher.allChannels().length === 4 && this.pusher.allChannels().every((c) => c.subscribed) &&
      (!this.frontEnd.signsIn || this.pusher.user.serverToUserChannel?.subscribed), patience);
  }

  async hears(text) {
    await until(`${this.frontEnd.name} to hear ${text} everywhere`, () => this.kinds.every((kind) => this.heard.includes(`${kind} ${text}`)));
    assert.deepEqual(this.heard.splice(0).sort(), this.kinds.map((kind) => `${kind} ${text}`).sort());
  }
}

const channels = ['news', 'private-session.1', 'private-encrypted-session.1', 'presence-session.1', '#server-to-user-1'];

const outages = {
  'shut down and started again': { end: 'stop' },
  'killed and started again': { end: 'cut' },
  'away until no page finds it': { end: 'stop', away: (page) => until('the page to find nobody', () => page.pusher.connection.state === 'unavailable') },
};

describe('outages', { concurrency: true }, () => {
  for (const [how, { end, away }] of Object.entries(outages)) describe(`a server that is ${how}`, () => {
    let fixture;
    let pages;
    let sockets;
    before(async () => {
      fixture = await start();
      pages = frontEnds.map((frontEnd) => new Page(frontEnd, fixture, 'ada'));
      await Promise.all(pages.map((page) => page.settled(null)));
      for (const channel of channels) await dispatch(fixture.url, 'NewUpdate', channel, { text: 'before' });
      await Promise.all(pages.map((page) => page.hears('before')));
      sockets = pages.map((page) => page.echo.socketId());
      await fixture[end]();
      if (away) await Promise.all(pages.map(away));
      await fixture.start();
      await Promise.all(pages.map((page, i) => page.settled(sockets[i])));
      for (const channel of channels) await dispatch(fixture.url, 'NewUpdate', channel, { text: 'after' });
    });
    after(async () => {
      pages?.forEach((page) => page.echo.disconnect());
      await fixture?.close();
    });
    for (const [i, frontEnd] of frontEnds.entries()) {
      test(`${frontEnd.name} hears again all that it heard`, async () => {
        await pages[i].hears('after');
        assert.equal(pages[i].here, 1, 'all pages are the same user, one member');
      });
    }
  });
});
