// laravel-echo in Node against the embedded server, feature by feature.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import Api from 'pusher';

import { dispatch, start } from '../harness/fixture.mjs';
import { once, until } from '../harness/until.mjs';
import { connect, frontEnds } from './echo-clients.mjs';

const started = { sessionId: '9', studentName: 'Ben <&> Bö' };

// subscribed waits until the server has confirmed a subscription.
const subscribed = (what, channel) => once(what, (done) => channel.subscribed(done).error((e) => assert.fail(`${what}: ${JSON.stringify(e)}`)));

for (const frontEnd of frontEnds) {
  describe(frontEnd.name, () => {
    let fixture;
    let ada;
    let ben;
    let api;
    const occupied = async (channel) => (await (await api.get({ path: `/channels/${channel}` })).json()).occupied;
    before(async () => {
      fixture = await start();
      api = new Api({ appId: '1001', key: 'app-key', secret: 'app-secret', host: '127.0.0.1', port: fixture.port });
      ada = connect(frontEnd, fixture, 'ada');
      ben = connect(frontEnd, fixture, 'ben');
    });
    after(async () => {
      ada?.disconnect();
      ben?.disconnect();
      await fixture?.close();
    });

    test('a public channel, an event with a name and one without', async () => {
      const channel = ada.channel('mentor.1');
      const named = once('session.started', (done) => channel.listen('.session.started', done));
      const unnamed = once('NewUpdate', (done) => channel.listen('NewUpdate', done));
      await subscribed('mentor.1', channel);
      await dispatch(fixture.url, 'SessionStarted', 'mentor.1', started);
      await dispatch(fixture.url, 'NewUpdate', 'mentor.1', { text: 'hello' });
      assert.deepEqual(await named, started);
      assert.deepEqual(await unnamed, { text: 'hello' });
    });

    test('a private channel', async () => {
      const channel = ada.private('mentor.1');
      const heard = once('session.started', (done) => channel.listen('.session.started', done));
      await subscribed('private-mentor.1', channel);
      await dispatch(fixture.url, 'SessionStarted', 'private-mentor.1', started);
      assert.deepEqual(await heard, started);
    });

    test('a private channel of somebody else: 403', async () => {
      const refusal = await once('the refusal', (done) => ben.private('mentor.1').error(done));
      // pusher-js 4.4 passes on the bare status.
      assert.equal(refusal.status ?? refusal, 403);
    });

    test('a private channel for a guest: 403', async () => {
      const guest = connect(frontEnd, fixture, undefined);
      try {
        const refusal = await once('the refusal', (done) => guest.private('mentor.1').error(done));
        assert.equal(refusal.status ?? refusal, 403);
      } finally {
        guest.disconnect();
      }
    });

    test('a presence channel: here, joining, leaving', async () => {
      const names = (people) => people.map((p) => p.name).sort();
      const events = [];
      const here = once('here', (done) => ada.join('session.1').here(done)
        .joining((p) => events.push(['joining', p]))
        .leaving((p) => events.push(['leaving', p])));
      assert.deepEqual(names(await here), ['Ada']);

      const benHere = await once('here', (done) => ben.join('session.1').here(done));
      assert.deepEqual(names(benHere), ['Ada', 'Ben']);
      await until('Ben to join', () => events.length === 1);
      ben.leave('session.1');
      await until('Ben to leave', () => events.length === 2);
      assert.deepEqual(events, [['joining', { id: '2', name: 'Ben' }], ['leaving', { id: '2', name: 'Ben' }]]);
    });

    test('two tabs of one user are one member', async () => {
      const tab = connect(frontEnd, fixture, 'ben');
      const events = [];
      await once('here', (done) => ada.join('session.tabs').here(done)
        .joining((p) => events.push(`joining ${p.name}`)).leaving((p) => events.push(`leaving ${p.name}`)));
      await once('here', (done) => ben.join('session.tabs').here(done));
      await once('here', (done) => tab.join('session.tabs').here(done));
      tab.disconnect();
      // Ben's first tab hears this after the server has seen the second one go.
      ben.leave('session.tabs');
      await until('Ben to leave', () => events.includes('leaving Ben'));
      assert.deepEqual(events, ['joining Ben', 'leaving Ben']);
    });

    test('an encrypted channel', async () => {
      const channel = ada.encryptedPrivate('session.1');
      const heard = once('session.started', (done) => channel.listen('.session.started', done));
      await subscribed('private-encrypted-session.1', channel);
      await dispatch(fixture.url, 'SessionStarted', 'private-encrypted-session.1', started);
      assert.deepEqual(await heard, started);
    });

    test('a whisper reaches the others and not its sender', async () => {
      const [hers, his] = [ada.join('session.2'), ben.join('session.2')];
      const own = [];
      hers.listenForWhisper('typing', (e) => own.push(e));
      const heard = once('the whisper', (done) => his.listenForWhisper('typing', done));
      const answer = once('the answer', (done) => hers.listenForWhisper('seen', done));
      await Promise.all([subscribed('session.2', hers), subscribed('session.2', his)]);
      hers.whisper('typing', { name: 'Ada', at: 1 });
      assert.deepEqual(await heard, { name: 'Ada', at: 1 });
      his.whisper('seen', { ok: true });
      assert.deepEqual(await answer, { ok: true });
      assert.deepEqual(own, []); // it would have arrived before the answer
    });

    test('to others', async () => {
      const heard = { ada: [], ben: [] };
      const hers = ada.channel('news').listen('NewUpdate', (e) => heard.ada.push(e.text));
      const his = ben.channel('news').listen('NewUpdate', (e) => heard.ben.push(e.text));
      await Promise.all([subscribed('news', hers), subscribed('news', his)]);
      await dispatch(fixture.url, 'NewUpdate', 'news', { text: 'to others' }, ada.socketId());
      await dispatch(fixture.url, 'NewUpdate', 'news', { text: 'to all' });
      await until('both to hear the last', () => heard.ada.length > 0 && heard.ben.length > 1);
      assert.deepEqual(heard, { ada: ['to all'], ben: ['to others', 'to all'] });
    });

    test('a notification', async () => {
      const channel = ada.private('App.Models.User.1');
      const heard = once('the notification', (done) => channel.notification(done));
      await subscribed('private-App.Models.User.1', channel);
      await dispatch(fixture.url, 'HomeworkGiven', 'private-App.Models.User.1', { title: 'Page 7' });
      const { id, ...rest } = await heard;
      assert.match(id, /^[0-9a-f-]{36}$/);
      assert.deepEqual(rest, { title: 'Page 7', type: 'App\\Notifications\\HomeworkGiven' });
    });

    test('leaving: nothing more, and joining again works', async () => {
      const heard = [];
      const listen = () => ada.private('session.3').listen('NewUpdate', (e) => heard.push(e.text));
      await subscribed('session.3', listen());
      ada.leave('session.3');
      await until('the server to know', async () => !(await occupied('private-session.3')));
      await dispatch(fixture.url, 'NewUpdate', 'private-session.3', { text: 'away' });
      await subscribed('session.3', listen());
      await dispatch(fixture.url, 'NewUpdate', 'private-session.3', { text: 'back' });
      await until('the second event', () => heard.includes('back'));
      assert.deepEqual(heard, ['back']);
    });

    test('mount and unmount at once, as in React’s strict mode', async () => {
      const heard = [];
      const hear = (e) => heard.push(e.text);
      for (let i = 0; i < 5; i++) {
        ada.private('session.4').listen('NewUpdate', hear).stopListening('NewUpdate', hear);
        ada.leave('session.4');
      }
      const channel = ada.private('session.4').listen('NewUpdate', hear);
      await until('the subscription', () => channel.subscription.subscribed);
      await dispatch(fixture.url, 'NewUpdate', 'private-session.4', { text: 'once' });
      await until('the event', () => heard.length > 0);
      assert.deepEqual(heard, ['once']);
    });

    if (frontEnd.signsIn) {
      test('sign-in, and an event for the user wherever they are', async () => {
        const { pusher } = ada.connector;
        const heard = once('the user’s event', (done) => pusher.user.bind('session.started', done));
        const signedIn = once('the sign-in', (done) => pusher.connection.bind('message', (m) => m.event === 'pusher:signin_success' && done(m.data)));
        pusher.signin();
        assert.deepEqual(JSON.parse((await signedIn).user_data), { id: '1', user_info: { id: '1', name: 'Ada' } });
        await until('the user’s channel', () => pusher.user.serverToUserChannel?.subscribed);
        await dispatch(fixture.url, 'SessionStarted', '#server-to-user-1', started);
        assert.deepEqual(await heard, started);
      });
    }
  });
}
