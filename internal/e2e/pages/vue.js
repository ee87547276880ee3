// A small Vue page with @laravel/echo-vue, which does the same as react.jsx.

import { configureEcho, useConnectionStatus, useEcho, useEchoModel, useEchoNotification, useEchoPresence, useEchoPublic, useSocketId } from '@laravel/echo-vue';
import { createApp, h, onMounted, ref } from 'vue';

configureEcho({ broadcaster: 'reverb' });

const Session = {
  props: ['id', 'hear'],
  setup({ id, hear }) {
    const people = ref([]);
    const { channel } = useEchoPresence(`session.${id}`, '.session.started', (e) => hear(`presence ${e.studentName}`));
    onMounted(() => channel().here((all) => { people.value = all; })
      .joining((p) => { people.value = [...people.value, p]; })
      .leaving((p) => { people.value = people.value.filter((other) => other.id !== p.id); })
      .listenForWhisper('typing', (e) => hear(`whisper ${e.name}`)));
    return () => [
      h('p', { id: 'people' }, people.value.map((p) => p.name).sort().join(', ')),
      h('button', { id: 'whisper', onClick: () => channel().whisper('typing', { name: 'somebody' }) }, 'whisper'),
    ];
  },
};

createApp({
  setup() {
    const heard = ref([]);
    const inSession = ref(true);
    const hear = (what) => { heard.value = [...heard.value, what]; };
    const status = useConnectionStatus();
    const socketId = useSocketId();
    useEchoPublic('mentor.1', '.session.started', (e) => hear(`public ${e.studentName}`));
    useEcho('mentor.1', ['.session.started', 'NewUpdate'], (e) => hear(`private ${e.studentName ?? e.text}`));
    useEchoNotification('App.Models.User.1', (n) => hear(`notification ${n.title}`), 'App.Notifications.HomeworkGiven');
    useEchoModel('App.Models.Task', 5, ['TaskUpdated'], ({ model }) => hear(`model ${model.title}`));
    const update = () => fetch('/dispatch/SessionStarted', {
      method: 'POST', headers: { 'X-Socket-ID': socketId.value }, body: JSON.stringify({ channel: 'mentor.1', fields: { studentName: 'others only' } }),
    });
    return () => [
      h('p', { id: 'status' }, status.value),
      h('p', { id: 'socket' }, socketId.value),
      h('button', { id: 'others', onClick: update }, 'tell others'),
      h('button', { id: 'toggle', onClick: () => { inSession.value = !inSession.value; } }, 'toggle session'),
      inSession.value ? h(Session, { id: '9', hear }) : null,
      h('ol', { id: 'heard' }, heard.value.map((what) => h('li', what))),
    ];
  },
}).mount('#root');
