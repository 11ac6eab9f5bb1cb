// Rendering on the server, as SvelteKit's or Remix's development server does it: in vite's own process.
import probe from './probe.js';

export default {
  server: { host: '127.0.0.1', port: Number(process.env.PORT), strictPort: true },
  plugins: [{ name: 'api', configureServer: (server) => {
    server.middlewares.use('/api', (_, answer) => probe.probe('vite').then(() => answer.end('asked')));
  } }],
};
