"""vitalwire for device makers: publish frames, lose none. See README.md beside this file."""

from devices.sdk.device import Device as Device
from devices.sdk.device import Durability as Durability
from devices.sdk.device import WhenFull as WhenFull
from devices.sdk.files import FileOutcome as FileOutcome
from devices.sdk.files import FileUpload as FileUpload
from devices.sdk.files import UploadedFile as UploadedFile
from devices.sdk.frame import Frame as Frame
from devices.sdk.happened import Command as Command
from devices.sdk.happened import CommandAnswer as CommandAnswer
from devices.sdk.happened import Connected as Connected
from devices.sdk.happened import Desired as Desired
from devices.sdk.happened import Disconnected as Disconnected
from devices.sdk.happened import Refused as Refused
from devices.sdk.happened import ServerTime as ServerTime
from devices.sdk.happened import SetAside as SetAside
from devices.sdk.happened import Stored as Stored
from devices.sdk.journal import JournalFullError as JournalFullError
from devices.sdk.journal import JournalLockedError as JournalLockedError
from devices.sdk.unsent import Key as Key
from shared.contracts.commands import CommandOutcome as CommandOutcome
from shared.contracts.streams import Place as Place
from shared.contracts.streams import Stream as Stream
