// A small React page with @laravel/echo-react: every hook, in strict mode. Only
// the broadcaster is configured here; the rest is in Vite's variables.

import { configureEcho, useConnectionStatus, useEcho, useEchoModel, useEchoNotification, useEchoPresence, useEchoPublic, useSocketId } from '@laravel/echo-react';
import { StrictMode, useEffect, useState } from 'react';
import { createRoot } from 'react-dom/client';

configureEcho({ broadcaster: 'reverb' });

function Session({ id, hear }) {
  const [people, setPeople] = useState([]);
  const { channel } = useEchoPresence(`session.${id}`, '.session.started', (e) => hear(`presence ${e.studentName}`));
  useEffect(() => {
    channel().here(setPeople)
      .joining((p) => setPeople((all) => [...all, p]))
      .leaving((p) => setPeople((all) => all.filter(({ id: other }) => other !== p.id)))
      .listenForWhisper('typing', (e) => hear(`whisper ${e.name}`));
  }, [channel]);
  return (
    <>
      <p id="people">{people.map((p) => p.name).sort().join(', ')}</p>
      <button id="whisper" onClick={() => channel().whisper('typing', { name: 'somebody' })}>whisper</button>
    </>
  );
}

function Planner() {
  const [heard, setHeard] = useState([]);
  const [inSession, setInSession] = useState(true);
  const hear = (what) => setHeard((all) => [...all, what]);
  const status = useConnectionStatus();
  const socketId = useSocketId();
  useEchoPublic('mentor.1', '.session.started', (e) => hear(`public ${e.studentName}`));
  useEcho('mentor.1', ['.session.started', 'NewUpdate'], (e) => hear(`private ${e.studentName ?? e.text}`));
  useEchoNotification('App.Models.User.1', (n) => hear(`notification ${n.title}`), 'App.Notifications.HomeworkGiven');
  useEchoModel('App.Models.Task', 5, ['TaskUpdated'], ({ model }) => hear(`model ${model.title}`));
  const update = () => fetch('/dispatch/SessionStarted', {
    method: 'POST', headers: { 'X-Socket-ID': socketId }, body: JSON.stringify({ channel: 'mentor.1', fields: { studentName: 'others only' } }),
  });
  return (
    <>
      <p id="status">{status}</p>
      <p id="socket">{socketId}</p>
      <button id="others" onClick={update}>tell others</button>
      <button id="toggle" onClick={() => setInSession(!inSession)}>toggle session</button>
      {inSession && <Session id="9" hear={hear} />}
      <ol id="heard">{heard.map((what, i) => <li key={i}>{what}</li>)}</ol>
    </>
  );
}

createRoot(document.getElementById('root')).render(<StrictMode><Planner /></StrictMode>);
