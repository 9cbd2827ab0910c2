// The forms of an import: fields that matter only for what is chosen beside them.

export default (Alpine) => {
  Alpine.data("importUpload", () => ({
    purpose: "contacts",

    init() {
      this.choose();
    },

    choose() {
      this.purpose = this.$root.querySelector("[name=purpose]:checked")?.value ?? "contacts";
    },

    get isForContacts() {
      return this.purpose !== "blocklist";
    },

    get isForBlocklist() {
      return this.purpose === "blocklist";
    },
  }));

  Alpine.data("importColumn", () => ({
    role: "",

    init() {
      this.choose();
    },

    choose() {
      this.role = this.$root.querySelector("select[name^=role_]").value;
    },

    get isAttribute() {
      return this.role === "attribute";
    },
  }));
};
