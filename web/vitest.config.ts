import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    environment: "node", // components say `@vitest-environment jsdom`
    include: ["src/**/*.test.{ts,tsx}"],
    setupFiles: ["src/design/test-setup.ts"],
    restoreMocks: true,
    // They end what hangs: a test of milliseconds may wait for seconds on a busy machine.
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
