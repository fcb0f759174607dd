import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    environment: "node", // components say `@vitest-environment jsdom`
    include: ["src/**/*.test.{ts,tsx}"],
    setupFiles: ["src/design/test-setup.ts"],
    restoreMocks: true,
  },
});
