import { defineConfig, loadEnv } from "vite";

export default defineConfig(({ mode }) => {
  const { VITALWIRE_PAGE_BACKEND: backend = "http://127.0.0.1:8080" } = loadEnv(mode, ".", "VITALWIRE_");
  return {
    build: {
      target: "es2023",
      assetsInlineLimit: 0, // data: URLs would need an exception in the content security policy
      modulePreload: { polyfill: false },
      reportCompressedSize: false,
      // libraries mark code for servers: of no concern here
      rolldownOptions: { checks: { moduleLevelDirective: false } },
    },
    worker: { format: "es" as const },
    server: { proxy: { "/v1": { target: backend, ws: true } } },
  };
});
