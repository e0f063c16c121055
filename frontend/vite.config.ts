import { defineConfig } from "vite";

// One script and one sheet of fixed names, which the page names; the worker beside them, found relatively,
// so that the folder works under any address and needs nothing from outside.
export default defineConfig({
  base: "./",
  worker: { format: "es" },
  build: {
    target: "es2022",
    outDir: "../src/calcscope/server/static/viewer",
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: false,
    rolldownOptions: {
      input: "src/main.ts",
      output: {
        entryFileNames: "viewer.js",
        chunkFileNames: "[name]-[hash].js",
        assetFileNames: (file) => (file.names.some((name) => name.endsWith(".css")) ? "viewer.css" : "[name]-[hash][extname]"),
      },
    },
  },
});
