"""Settings of the api."""

from pathlib import Path
from typing import ClassVar

from pydantic import Field, SecretStr

from shared.runtime.settings import (
    BrokerSettings,
    DatabaseSettings,
    ServiceSettings,
    read_secret,
)


class ApiSettings(DatabaseSettings, BrokerSettings, ServiceSettings):
    """What the api is told by its environment."""

    service: ClassVar[str] = "api"

    # Requests are short and many: more connections than the loops of other services need.
    database_pool_most: int = Field(default=12, ge=2, le=100, description="Connections at most")
    database_statement_timeout_s: float = Field(
        default=10.0, gt=0, le=300, description="A statement that takes longer is given up"
    )

    api_host: str = Field(default="127.0.0.1", description="Where people's requests are taken")
    api_port: int = Field(default=8080, ge=0, le=65_535, description="0 takes a free port")
    api_trusted_proxies: str = Field(
        default="127.0.0.1", description="Addresses whose X-Forwarded headers are believed"
    )
    api_web_folder: Path | None = Field(
        default=None, description="Built page (web/dist); none serves no page"
    )
    api_token_key_file: Path | None = Field(
        default=None, description="File with the key that signs access tokens, 32 bytes or more"
    )
    api_access_token_s: int = Field(
        default=600, ge=30, le=3_600, description="Life of an access token"
    )
    api_session_s: int = Field(
        default=43_200, ge=300, le=2_592_000, description="Life of a log-in: after it, a new one"
    )
    api_refresh_token_s: int = Field(
        default=3_600, ge=60, le=2_592_000, description="Life of an unused refresh token"
    )
    api_cookie_secure: bool = Field(
        default=False, description="Cookie over https only; set it wherever not on loopback"
    )
    api_password_memory_kib: int = Field(
        default=65_536, ge=8_192, le=1_048_576, description="Memory of one argon2id hash"
    )
    api_password_passes: int = Field(
        default=3, ge=1, le=20, description="Passes of one argon2id hash"
    )
    api_log_in_burst: int = Field(
        default=10, ge=1, le=100_000, description="Failed log-ins in a row, a user name or address"
    )
    api_log_in_per_minute: float = Field(
        default=6.0, gt=0, le=100_000, description="Failed log-ins a minute after the burst"
    )
    api_request_burst: int = Field(
        default=400, ge=1, le=1_000_000, description="Requests in a row, a session or address"
    )
    api_requests_per_s: float = Field(
        default=100.0, gt=0, le=1_000_000, description="Requests a second after the burst"
    )
    api_body_bytes_most: int = Field(
        default=262_144, ge=1_024, le=16_777_216, description="A larger request body is refused"
    )
    api_action_wait_s: float = Field(
        default=2.0, gt=0, le=30, description="Wait for an action's event before 202 is answered"
    )
    api_connections_most: int = Field(
        default=1_000, ge=1, le=100_000, description="Open connections; above, 503"
    )

    api_linger_s: float = Field(
        default=5.0, gt=0, le=120, description="A closed connection is given up after once or twice"
    )

    live_clients_most: int = Field(
        default=500, ge=1, le=100_000, description="Open live connections of this process"
    )
    live_clients_a_user_most: int = Field(
        default=20, ge=1, le=10_000, description="Open live sockets of one user"
    )
    live_subscriptions_most: int = Field(
        default=32, ge=1, le=1_000, description="Subscriptions of one live socket"
    )
    live_patients_most: int = Field(
        default=500, ge=1, le=10_000, description="Patients of one subscription"
    )
    live_auth_s: float = Field(
        default=5.0, gt=0, le=60, description="From opening a live socket to its first message"
    )
    live_messages_burst: int = Field(
        default=60, ge=1, le=100_000, description="Messages of a client in a row"
    )
    live_messages_per_s: float = Field(
        default=10.0, gt=0, le=10_000, description="Messages a second after the burst; more wait"
    )
    live_message_bytes_most: int = Field(
        default=65_536, ge=1_024, le=1_048_576, description="A message of a client, at most"
    )
    live_flush_s: float = Field(
        default=0.08, ge=0.01, le=1.0, description="What waits for a client goes out this often"
    )
    live_send_s: float = Field(
        default=10.0, gt=0, le=120, description="A client that takes nothing for so long is cut off"
    )
    live_recheck_s: float = Field(
        default=2.0, gt=0, le=5, description="How often the rights of each subscription are checked"
    )
    live_replay_events_most: int = Field(
        default=5_000, ge=1, le=100_000, description="Events replayed after a reconnect"
    )
    live_ring_events_most: int = Field(
        default=5_000, ge=1, le=100_000, description="Newest events kept in memory for replays"
    )
    live_queue_messages_most: int = Field(
        default=1_000, ge=1, le=100_000, description="Alarms, events and answers for one client"
    )
    live_queue_waveform_bytes_most: int = Field(
        default=1_048_576, ge=4_096, le=67_108_864, description="Samples waiting for one client"
    )

    @property
    def api_token_key(self) -> SecretStr:
        """The signing key, read now from its file."""
        return read_secret(self.api_token_key_file, "API_TOKEN_KEY_FILE")
