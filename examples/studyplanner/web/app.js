// The page of the study planner. It is an ordinary laravel-echo front end:
// nothing in it knows that the server is a Go program.

const $ = (id) => document.getElementById(id);
const csrf = () => document.cookie.split('; ').find((c) => c.startsWith('XSRF-TOKEN='))?.slice(11) ?? '';

// Here two windows of one browser are two people. Each window has its own name,
// which it keeps when it is reloaded.
const windowName = sessionStorage.windowName ??= Math.random().toString(36).slice(2);

let me = null;
let echo = null;
let open = null; // the session whose room is shown
let typingTimer = null;
const sessions = new Map();

// ---- talking to the program -------------------------------------------------

async function call(method, path, body) {
  const headers = { 'Content-Type': 'application/json', 'X-XSRF-TOKEN': decodeURIComponent(csrf()), 'X-Window': windowName };
  // Echo adds this header to requests of axios and jQuery by itself. With fetch
  // the page has to add it. It lets the program leave this page out (toOthers).
  if (echo?.socketId()) headers['X-Socket-ID'] = echo.socketId();
  const answer = await fetch(path, { method, headers, body: body && JSON.stringify(body) });
  // The program was restarted and knows nobody.
  if (answer.status === 401) location.reload();
  const data = answer.status === 204 ? null : await answer.json().catch(() => null);
  if (!answer.ok) throw new Error(data?.message ?? `the server answered ${answer.status}`);
  return data;
}

function onSubmit(form, send) {
  $(form).addEventListener('submit', async (e) => {
    e.preventDefault();
    const button = e.target.querySelector('button');
    button.disabled = true;
    try {
      await send(Object.fromEntries(new FormData(e.target)), e.target);
    } catch (err) {
      log('error', err.message);
    } finally {
      button.disabled = false;
    }
  });
}

// ---- the connection ---------------------------------------------------------

const stateWords = {
  initialized: ['offline', 'not connected'],
  connecting: ['connecting', 'connecting…'],
  connected: ['connected', 'connected'],
  unavailable: ['connecting', 'server unreachable, trying again…'],
  disconnected: ['failed', 'disconnected'],
  failed: ['failed', 'WebSockets are not available'],
};

function showState(state) {
  const [kind, text] = stateWords[state] ?? ['offline', state];
  $('state').dataset.state = kind;
  $('stateText').textContent = text;
}

function connect(config) {
  echo = new window.Echo.default({
    ...config,
    Pusher: window.Pusher,
    auth: { headers: { 'X-XSRF-TOKEN': decodeURIComponent(csrf()), 'X-Window': windowName } },
  });
  window.echo = echo; // for use in the browser's console
  const connection = echo.connector.pusher.connection;
  connection.bind('state_change', ({ current }) => {
    showState(current);
    log('state', `connection: ${stateWords[current]?.[1] ?? current}`);
    // Events sent while the page was away are lost, so load the current state.
    if (current === 'connected') refresh();
  });
  connection.bind('error', (e) => log('error', `connection: ${e?.error?.data?.message ?? e?.data?.message ?? 'error'}`));
  showState(connection.state);

  if (me.role === 'mentor') {
    echo.private(`mentor.${me.id}`)
      .listen('.session.started', (e) => {
        log('event', 'session.started', `private-mentor.${me.id}`);
        toast(`${e.studentName} started a session`, e.subject);
        addSession({ id: e.sessionId, subject: e.subject, student: e.studentName }, true);
      })
      .error(refused(`mentor.${me.id}`));
  } else {
    echo.channel('mentors').listen('.mentor.arrived', (e) => {
      log('event', 'mentor.arrived', 'mentors');
      addMentor(e);
    });
  }
  echo.private(`App.Models.User.${me.id}`)
    .notification((n) => {
      log('event', `notification ${n.type}`, `private-App.Models.User.${me.id}`);
      toast(n.title, n.body);
    })
    .error(refused(`App.Models.User.${me.id}`));
}

const refused = (name) => (e) => log('error', `subscription to ${name} refused (${e?.status ?? 'no answer'})`);

// ---- sessions ---------------------------------------------------------------

async function refresh() {
  const state = await call('GET', '/state').catch((err) => log('error', err.message));
  for (const s of state?.sessions ?? []) addSession(s, false);
  for (const m of state?.mentors ?? []) addMentor(m);
}

function addMentor({ id, name }) {
  const select = document.querySelector('#startForm select');
  if (![...select.options].some((o) => o.value === String(id))) select.add(new Option(name, id));
  $('noMentors').hidden = select.options.length > 0;
}

function addSession(session, fresh) {
  if (sessions.has(session.id)) return;
  sessions.set(session.id, session);
  const item = document.createElement('li');
  item.dataset.id = session.id;
  item.classList.toggle('fresh', fresh);
  const button = document.createElement('button');
  button.type = 'button';
  button.append(session.subject, Object.assign(document.createElement('small'), {
    textContent: me.role === 'mentor' ? `with ${session.student}` : `with ${session.mentor ?? 'your mentor'}`,
  }));
  button.addEventListener('click', () => openRoom(session.id));
  item.append(button);
  $('sessions').prepend(item);
  $('noSessions').hidden = true;
}

function openRoom(id) {
  if (open?.id === id) return;
  if (open) {
    echo.leave(`session.${open.id}`); // also leaves the encrypted channel of that name
  }
  open = sessions.get(id);
  for (const li of $('sessions').children) li.classList.toggle('open', li.dataset.id === id);
  $('roomTitle').textContent = open.subject;
  $('roomMeta').textContent = me.role === 'mentor' ? `Student: ${open.student}` : `Mentor: ${open.mentor ?? ''}`;
  $('chat').replaceChildren();
  $('people').replaceChildren();
  $('note').hidden = true;
  $('mentorTools').hidden = me.role !== 'mentor';
  $('room').hidden = false;
  $('noRoom').hidden = true;
  if (!echo) return;

  const presence = `presence-session.${id}`;
  echo.join(`session.${id}`)
    .here((people) => {
      $('people').replaceChildren();
      people.forEach(addPerson);
      log('event', `${people.length} here`, presence);
    })
    .joining((p) => { addPerson(p); log('event', `${p.name} joined`, presence); })
    .leaving((p) => {
      document.querySelector(`#people [data-id="${p.id}"]`)?.remove();
      log('event', `${p.name} left`, presence);
    })
    .listen('.message.sent', (e) => { log('event', 'message.sent', presence); addMessage(e); })
    .listenForWhisper('typing', (e) => {
      $('typing').textContent = `${e.name} is typing…`;
      clearTimeout(typingTimer);
      typingTimer = setTimeout(() => { $('typing').textContent = ''; }, 1500);
    })
    .error(refused(`session.${id}`));
  echo.encryptedPrivate(`session.${id}`)
    .listen('.note.written', (e) => {
      log('event', 'note.written, decrypted here', `private-encrypted-session.${id}`);
      $('noteText').textContent = e.text;
      $('note').hidden = false;
    })
    .error(refused(`session.${id} (encrypted)`));
}

function addPerson(person) {
  if (document.querySelector(`#people [data-id="${person.id}"]`)) return;
  const item = document.createElement('li');
  item.dataset.id = person.id;
  item.className = person.role;
  item.title = person.role;
  item.append(Object.assign(document.createElement('i'), { textContent: person.name.slice(0, 1).toUpperCase() }));
  item.append(person.id === String(me.id) ? `${person.name} (you)` : person.name);
  $('people').append(item);
}

function addMessage({ from, text, mine }) {
  $('typing').textContent = '';
  const item = document.createElement('li');
  item.classList.toggle('mine', Boolean(mine));
  if (!mine) item.append(Object.assign(document.createElement('small'), { textContent: from }));
  item.append(text);
  $('chat').append(item);
  $('chat').scrollTop = $('chat').scrollHeight;
}

// ---- what is happening ------------------------------------------------------

function log(kind, text, channel) {
  // pusher-js reports the end of a connection several times.
  if (kind === 'error' && $('log').firstChild?.dataset.text === text) return;
  const item = document.createElement('li');
  item.dataset.kind = kind;
  item.dataset.text = text;
  const now = new Date();
  item.append(Object.assign(document.createElement('time'), {
    dateTime: now.toISOString(), textContent: now.toLocaleTimeString('en-GB'),
  }));
  item.append(text);
  if (channel) item.append(' on ', Object.assign(document.createElement('code'), { textContent: channel }));
  $('log').prepend(item);
  while ($('log').children.length > 60) $('log').lastChild.remove();
}

function toast(title, body) {
  const box = document.createElement('div');
  box.className = 'toast';
  box.append(Object.assign(document.createElement('b'), { textContent: title }), body ?? '');
  $('toasts').append(box);
  setTimeout(() => box.remove(), 6000);
}

// ---- forms ------------------------------------------------------------------

onSubmit('loginForm', async (fields) => {
  await call('POST', '/login', fields);
  location.reload();
});
onSubmit('logout', async () => {
  await call('POST', '/logout');
  location.reload();
});
onSubmit('startForm', async ({ mentor, subject }, form) => {
  const session = await call('POST', '/sessions', { mentorId: Number(mentor), subject });
  addSession(session, true);
  openRoom(session.id);
  form.elements.subject.value = '';
  log('info', `you started “${subject}”; the program dispatched session.started`);
});
onSubmit('messageForm', async ({ text }, form) => {
  await call('POST', `/sessions/${open.id}/messages`, { text });
  addMessage({ text, mine: true }); // the program sent it to the others only
  form.reset();
});
onSubmit('noteForm', async ({ text }, form) => {
  await call('POST', `/sessions/${open.id}/note`, { text });
  form.reset();
});
onSubmit('homeworkForm', async ({ text }, form) => {
  await call('POST', `/sessions/${open.id}/homework`, { text });
  log('info', 'the program notified the student');
  form.reset();
});

let lastWhisper = 0;
document.querySelector('#messageForm input').addEventListener('input', () => {
  if (!open || !echo || Date.now() - lastWhisper < 700) return;
  lastWhisper = Date.now();
  echo.join(`session.${open.id}`).whisper('typing', { name: me.name });
});

// ---- start ------------------------------------------------------------------

const start = await call('GET', '/start');
me = start.user;
if (start.warning) {
  $('warning').textContent = start.warning;
  $('warning').hidden = false;
}
if (me) {
  $('who').hidden = false;
  $('whoName').textContent = `${me.name}, ${me.role}`;
  document.title = `${me.name} · Study planner`;
  $('desk').hidden = false;
  $('starter').hidden = me.role !== 'student';
  $('sessionsTitle').textContent = me.role === 'mentor' ? 'Your students’ sessions' : 'Your sessions';
  $('noRoomText').textContent = me.role === 'mentor'
    ? 'When a student starts a session with you, it appears on the left at once. Open it to join.'
    : 'Start a session on the left. Your mentor’s window shows it at once.';
  $('noMentors').hidden = false;
  if (start.echo) connect(start.echo);
  await refresh();
} else {
  $('login').hidden = false;
}
